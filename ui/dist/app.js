"use strict";
(() => {
  // node_modules/preact/dist/preact.mjs
  var n;
  var t;
  var r;
  var u;
  var i;
  var f;
  var o;
  var e;
  var l;
  var c;
  var a;
  var s;
  var h = /* @__PURE__ */ Symbol.for("pv");
  var p = {};
  var y = [];
  var v = /^m(i|n|o|s|text|space)$/;
  var w = Array.isArray;
  var d = y.slice;
  var _ = Object.assign;
  function g(n3) {
    n3 && n3.parentNode && n3.remove();
  }
  function k(n3, t4, r4) {
    var u4, i4, f5, o5 = {}, e4 = arguments.length;
    for (f5 in t4) "key" == f5 ? u4 = t4[f5] : "ref" == f5 && "function" != typeof n3 ? i4 = t4[f5] : o5[f5] = t4[f5];
    return e4 > 2 && (o5.children = e4 > 3 ? d.call(arguments, 2) : r4), m(n3, o5, u4, i4, null);
  }
  function m(r4, u4, i4, f5, o5) {
    var e4 = { type: r4, props: u4, key: i4, ref: f5, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: h, __v: o5 || ++t, __i: -1, __u: 0 };
    return !o5 && n.vnode && n.vnode(e4), e4;
  }
  function $(n3) {
    return n3.children;
  }
  function x(n3, t4) {
    this.props = n3, this.context = t4, this.__g = 0;
  }
  function S(n3, t4) {
    if (null == t4) return n3.__ && S(n3.__, n3.__i + 1);
    for (var r4; t4 < n3.__k.length; t4++) if ((r4 = n3.__k[t4]) && r4.__e) return r4.__e;
    return "function" != typeof n3.type || n3.props.__P ? null : S(n3);
  }
  function C(t4) {
    var r4, u4 = t4.__v, i4 = u4.__e, f5 = [], o5 = [], e4 = t4.__P;
    e4 && ((r4 = _({ constructor: h }, u4)).__v = u4.__v + 1, n.vnode && n.vnode(r4), z(e4, r4, u4, t4.__n, e4.namespaceURI, 32 & u4.__u ? [i4] : null, f5, i4 || S(u4), 32 & u4.__u, o5), r4.__v = u4.__v, r4.__.__k[r4.__i] = r4, E(f5, r4, o5), u4.__ = u4.__e = null, r4.__e != i4 && j(r4));
  }
  function j(n3) {
    if ((n3 = n3.__) && n3.__c && !n3.props.__P) return n3.__e = null, n3.__k.some(function(t4) {
      return t4 && (n3.__e = t4.__e);
    }), j(n3);
  }
  function L(t4) {
    (8 & t4.__g || (t4.__g |= 8, u.push(t4), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
  }
  function H() {
    try {
      for (var n3, t4 = 1; u.length; ) u.length > t4 && u.sort(o), n3 = u.shift(), t4 = u.length, 8 & n3.__g && C(n3);
    } finally {
      (f = u.length) && (i || queueMicrotask)(H);
    }
  }
  function I(n3, t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
    var s4, h5, v4, w5, d5, _4, g5 = u4.__k || y, k4 = t4.length;
    for (l4 = q(r4, t4, g5, l4, k4), s4 = 0; s4 < k4; s4++) null != (v4 = r4.__k[s4]) && (h5 = ~v4.__i && g5[v4.__i] || p, v4.__i = s4, _4 = z(n3, v4, h5, i4, f5, o5, e4, l4, c4, a5), w5 = v4.__e, (h5.ref != v4.ref || 8 & h5.__u) && (h5.ref && G(h5.ref, null, v4, h5), v4.ref && a5.push(v4.ref, v4.__c || w5, v4)), d5 = d5 || w5, 4 & v4.__u ? (l4 = A(v4, l4, n3, !h5.__v), h5.__e && (h5.__e = null)) : "function" == typeof v4.type && void 0 !== _4 ? l4 = _4 : w5 && (l4 = w5.nextSibling), v4.__u &= -21);
    return r4.__e = d5, l4;
  }
  function q(n3, t4, r4, u4, i4) {
    var f5, o5, e4, l4, c4, a5, s4, p5, y5, v4 = r4.length, d5 = v4, _4 = 0, g5 = 0, k4 = n3.__k = Array(i4);
    for (f5 = 0; f5 < i4; f5++) null != (o5 = t4[f5]) && "boolean" != typeof o5 && "function" != typeof o5 ? ("object" != typeof o5 || o5.constructor === String ? o5 = k4[f5] = m(null, o5) : w(o5) ? o5 = k4[f5] = m($, { children: o5 }) : o5.constructor === h && o5.__b ? o5 = k4[f5] = m(o5.type, o5.props, o5.key, o5.ref, o5.__v) : k4[f5] = o5, l4 = f5 + _4, o5.__ = n3, o5.__b = n3.__b + 1, e4 = null, ~(c4 = o5.__i = P(o5, r4, l4, d5)) && (d5--, (e4 = r4[c4]) && (e4.__u |= 2)), e4 && e4.__v ? (o5.__u |= 16, c4 == l4 - 1 ? _4-- : c4 == l4 + 1 ? _4++ : c4 != l4 && (c4 > l4 ? _4-- : _4++, g5 = 1)) : (~c4 || (i4 > v4 ? _4-- : i4 < v4 && _4++), "function" != typeof o5.type && (o5.__u |= 4))) : k4[f5] = null;
    if (g5) {
      for (a5 = [], s4 = [], f5 = 0; f5 < i4; f5++) if ((o5 = k4[f5]) && 16 & o5.__u) {
        for (_4 = 0, p5 = a5.length; _4 < p5; ) a5[y5 = _4 + p5 >> 1] < o5.__i ? _4 = y5 + 1 : p5 = y5;
        a5[_4] = o5.__i, s4[f5] = _4 + 1;
      }
      for (_4 = a5.length; f5--; ) s4[f5] && (s4[f5] == _4 ? _4-- : k4[f5].__u |= 4);
    }
    if (d5) for (f5 = 0; f5 < v4; f5++) !(e4 = r4[f5]) || 2 & e4.__u || (e4.__e == u4 && (u4 = S(e4)), J(e4, e4));
    return u4;
  }
  function A(n3, t4, r4, u4) {
    var i4, f5, o5, e4;
    if ("function" == typeof n3.type) {
      if (n3.props.__P) return t4;
      if (i4 = n3.__k) for (f5 = 0; f5 < i4.length; f5++) i4[f5] && (i4[f5].__ = n3, t4 = A(i4[f5], t4, r4, false));
      return t4;
    }
    for (t4 && !t4.parentNode && (t4 = S(n3)) && !t4.parentNode && (t4 = null), o5 = n3.__e, e4 = t4; e4 && 8 == e4.nodeType; ) e4 = e4.nextSibling;
    for (o5 != e4 && (!u4 && r4.moveBefore && o5.parentNode ? r4.moveBefore(o5, t4) : r4.insertBefore(o5, t4 || null)), t4 = o5; (t4 = t4 && t4.nextSibling) && 8 == t4.nodeType && !t4.data.startsWith("$s"); ) ;
    return t4;
  }
  function P(n3, t4, r4, u4) {
    var i4, f5 = n3.key, o5 = n3.type, e4 = t4[r4], l4 = e4 && !(2 & e4.__u);
    if (null === e4 && null == f5 || l4 && f5 == e4.key && o5 == e4.type) return r4;
    if (u4 > (l4 ? 1 : 0)) {
      for (i4 = r4 - 1; i4 >= 0; i4--) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
      for (i4 = r4 + 1; i4 < t4.length; i4++) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
    }
    return -1;
  }
  function T(n3, t4, r4) {
    null == r4 && (r4 = ""), "-" == t4[0] ? n3.setProperty(t4, r4) : n3[t4] = r4;
  }
  function N(n3, t4, r4, u4, i4) {
    var f5, o5;
    if ("style" == t4) if ("string" == typeof r4) n3.style.cssText = r4;
    else {
      if ("string" == typeof u4 && (n3.style.cssText = u4 = ""), u4) for (t4 in u4) r4 && t4 in r4 || T(n3.style, t4);
      if (r4) for (t4 in r4) u4 && r4[t4] == u4[t4] || T(n3.style, t4, r4[t4]);
    }
    else if ("o" == t4[0] && "n" == t4[1]) "function" != typeof r4 && (r4 = null), "function" != typeof u4 && (u4 = null), (n3.__e || (n3.__e = {}))[t4] = r4, r4 && u4 || (o5 = a[t4] || (a[t4] = V(t4)), (n3.__a || (n3.__a = {}))[t4] = c, f5 = t4 != (t4 = t4.replace(l, "$1")), (t4 = t4.slice(2))[0] < "a" && (t4 = t4.toLowerCase()), r4 ? n3.addEventListener(t4, o5, f5) : n3.removeEventListener(t4, o5, f5));
    else {
      if ("http://www.w3.org/2000/svg" == i4) t4 = t4.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
      else if ("width" != t4 && "height" != t4 && "href" != t4 && "list" != t4 && "form" != t4 && "tabIndex" != t4 && "download" != t4 && "rowSpan" != t4 && "colSpan" != t4 && "role" != t4 && "popover" != t4 && t4 in n3) try {
        return void (n3[t4] = null == r4 ? "" : r4);
      } catch (n4) {
      }
      if ("function" == typeof r4) return;
      null == r4 || false === r4 && "-" != t4[4] ? n3.removeAttribute(t4) : n3.setAttribute(t4, "popover" == t4 && 1 == r4 ? "" : r4);
    }
  }
  function V(t4) {
    return function(r4) {
      var u4 = this.__e;
      if (u4) {
        if (u4 = u4[t4], null == r4[e]) r4[e] = c++;
        else if (r4[e] < this.__a[t4]) return;
        return u4(n.event ? n.event(r4) : r4);
      }
    };
  }
  function z(t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
    var s4, p5, v4, d5, k4, b3, m5, M2, C3, j3, L2, H2, q2, A4, O2, P3, T4, N2, V2 = r4.type;
    if (r4.constructor !== h) return null;
    128 & u4.__u && (c4 = 32 & u4.__u, s4 = u4.__c.__z) && (r4.__u |= c4, p5 = o5 = [], 8 == s4.nodeType ? l4 = B(s4, o5) : o5.push(s4), l4 = o5[0] || l4), (s4 = n.__b) && s4(r4);
    n: if ("function" == typeof V2) {
      v4 = e4.length;
      try {
        if (M2 = r4.props, C3 = (s4 = V2.prototype) && s4.render, j3 = (s4 = V2.contextType) && i4[s4.__c], L2 = s4 ? j3 ? j3.props.value : s4.__ : i4, (d5 = u4.__c) ? (r4.__c = d5, 2 & d5.__g && (d5.__g |= 1)) : (C3 ? r4.__c = d5 = new V2(M2, L2) : (r4.__c = d5 = new x(M2, L2), d5.constructor = V2, d5.render = K), j3 && j3.sub(d5), d5.state || (d5.state = {}), d5.__n = i4, d5.__g |= 8, d5.__h = [], d5.__k = []), C3 && (d5.__s || (d5.__s = d5.state), V2.getDerivedStateFromProps && (d5.__s == d5.state && (d5.__s = _({}, d5.__s)), _(d5.__s, V2.getDerivedStateFromProps(M2, d5.__s)))), k4 = d5.props, b3 = d5.state, d5.__v = r4, u4.__c) {
          if (M2 !== k4 && C3 && !V2.getDerivedStateFromProps && d5.componentWillReceiveProps && d5.componentWillReceiveProps(M2, L2), r4.__v == u4.__v && !(8 & d5.__g) || !(4 & d5.__g) && d5.shouldComponentUpdate && false === d5.shouldComponentUpdate(M2, d5.__s, L2)) {
            r4.__v != u4.__v && (d5.props = M2, d5.state = d5.__s, d5.__g &= -9), r4.__e = u4.__e, r4.__k = u4.__k, r4.__k.some(function(n3) {
              n3 && (n3.__ = r4);
            }), y.push.apply(d5.__h, d5.__k), d5.__k = [], d5.__h.length && e4.push(d5), l4 = S(u4);
            break n;
          }
          d5.componentWillUpdate && d5.componentWillUpdate(M2, d5.__s, L2), C3 && d5.componentDidUpdate && d5.__h.push(function() {
            d5.componentDidUpdate(k4, b3, m5);
          });
        } else C3 && !V2.getDerivedStateFromProps && d5.componentWillMount && d5.componentWillMount(), C3 && d5.componentDidMount && d5.__h.push(d5.componentDidMount);
        d5.context = L2, d5.props = M2, d5.__P = t4, d5.__g &= -5, H2 = n.__r, q2 = C3 ? 25 : 0;
        do {
          d5.__g &= -9, H2 && H2(r4), s4 = d5.render(d5.props, d5.state = d5.__s, d5.context);
        } while (8 & d5.__g && ++q2 < 25);
        C3 && (y.push.apply(d5.__h, d5.__k), d5.__k = []), d5.state = d5.__s, d5.getChildContext && (i4 = _({}, i4, d5.getChildContext())), C3 && u4.__c && d5.getSnapshotBeforeUpdate && (m5 = d5.getSnapshotBeforeUpdate(k4, b3)), A4 = s4 && s4.type === $ && null == s4.key ? s4.props.children : s4, M2.__P && (s4 = l4, f5 = (t4 = M2.__P).namespaceURI, c4 = o5 = null, u4.props && u4.props.__P != t4 && (u4.__k.some(function(n3) {
          n3 && J(n3, n3);
        }), u4.__k = null), l4 = u4.__k ? S(u4, 0) : null), l4 = I(t4, w(A4) ? A4 : [A4], r4, u4, i4, f5, o5, e4, l4, c4, a5), M2.__P && (r4.__e = null, l4 = s4), r4.__u &= -161, p5 && p5.some(g), d5.__h.length && e4.push(d5), 1 & d5.__g && (d5.__g &= -4);
      } catch (t5) {
        if (e4.length = v4, r4.__v = null, c4 || o5) if (t5 && t5.then) {
          if (r4.__u |= 128 | c4, o5) {
            for (~(T4 = o5.indexOf(l4 || void 0)) || (T4 = o5.length); (N2 = o5[T4 - 1]) && 8 == N2.nodeType; ) T4--;
            for (; T4 < o5.length; T4++) if (N2 = o5[T4]) if (o5[T4] = null, O2) {
              if (N2 == P3) break;
            } else {
              if (8 != N2.nodeType) break;
              N2.data.startsWith("$s") && (P3 = B(O2 = N2));
            }
          }
          if (!O2) {
            for (; l4 && 8 == l4.nodeType && l4.nextSibling; ) l4 = l4.nextSibling;
            O2 = l4;
          }
          (s4 = B(O2 = r4.__c.__z || (r4.__c.__z = O2))) ? (r4.__e = O2, l4 = s4) : r4.__e = l4, l4 = l4 && l4.nextSibling;
        } else o5 && o5.some(g);
        else r4.__e = u4.__e;
        r4.__k || (r4.__k = u4.__k || []), t5 && t5.then || D(r4), n.__e(t5, r4, u4);
      }
    } else l4 = r4.__e = F(u4.__e, r4, u4, i4, f5, o5, e4, c4, a5, t4);
    return (s4 = n.diffed) && s4(r4), l4;
  }
  function B(n3, t4) {
    if (n3 && 8 == n3.nodeType && n3.data.startsWith("$s")) for (var r4 = 1; n3 = n3.nextSibling; ) {
      if (8 == n3.nodeType) {
        if (n3.data.startsWith("$s")) r4++;
        else if (n3.data.startsWith("/$s") && !--r4) return n3;
      }
      t4 && t4.push(n3);
    }
  }
  function D(n3) {
    n3 && (n3.__c && (n3.__c.__g |= 4), n3.__k && n3.__k.some(D));
  }
  function E(t4, r4, u4) {
    for (var i4 = 0; i4 < u4.length; ) G(u4[i4++], u4[i4++], u4[i4++]);
    n.__c && n.__c(r4, t4), t4.some(function(r5) {
      try {
        t4 = r5.__h, r5.__h = [], t4.some(function(n3) {
          n3.call(r5);
        });
      } catch (t5) {
        n.__e(t5, r5.__v);
      }
    });
  }
  function F(t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
    var s4, h5, y5, _4, k4, b3, m5, M2, $2 = u4.props || p, x3 = r4.props, C3 = r4.type;
    if ("svg" == C3 ? f5 = "http://www.w3.org/2000/svg" : "math" == C3 ? f5 = "http://www.w3.org/1998/Math/MathML" : f5 || (f5 = "http://www.w3.org/1999/xhtml"), o5) {
      for (s4 = 0; s4 < o5.length; s4++) if ((k4 = o5[s4]) && (C3 ? k4.localName == C3 : 3 == k4.nodeType)) {
        t4 = k4, o5[s4] = null;
        break;
      }
    }
    if (!t4) {
      if (M2 = a5.ownerDocument || document, !C3) return M2.createTextNode(x3);
      t4 = M2.createElementNS(f5, C3, x3.is ? x3 : a5), l4 && (n.__m && n.__m(r4, o5), l4 = false), o5 = null;
    }
    if (C3) {
      if (a5 = "template" == C3 && t4.content || t4, o5 = "textarea" == C3 && null != x3.defaultValue ? null : o5 && d.call(a5.childNodes), !l4 && o5) for ($2 = {}, s4 = 0; s4 < t4.attributes.length; s4++) $2[(k4 = t4.attributes[s4]).name] = k4.value;
      for (s4 in $2) k4 = $2[s4], "dangerouslySetInnerHTML" == s4 ? y5 = k4 : "children" == s4 || s4 in x3 || "value" == s4 && "defaultValue" in x3 || "checked" == s4 && "defaultChecked" in x3 || N(t4, s4, null, k4, f5);
      for (s4 in x3) k4 = x3[s4], "children" == s4 ? _4 = k4 : "dangerouslySetInnerHTML" == s4 ? h5 = k4 : "value" == s4 ? b3 = k4 : "checked" == s4 ? m5 = k4 : l4 && "function" != typeof k4 || $2[s4] === k4 || N(t4, s4, k4, $2[s4], f5);
      h5 ? (l4 || y5 && (h5.__html == y5.__html || h5.__html == t4.innerHTML) || (t4.innerHTML = h5.__html), r4.__k = []) : (y5 && (t4.textContent = ""), ("foreignObject" == C3 || "http://www.w3.org/1998/Math/MathML" == f5 && v.test(C3)) && (f5 = "http://www.w3.org/1999/xhtml"), I(a5, w(_4) ? _4 : [_4], r4, u4, i4, f5, o5, e4, o5 ? o5[0] : u4.__k && S(u4, 0), l4, c4), o5 && o5.some(g)), l4 && "textarea" != C3 || (s4 = "value", "progress" == C3 && null == b3 ? t4.removeAttribute(s4) : null == b3 || b3 === t4[s4] && ("progress" != C3 || b3) || N(t4, s4, b3, $2[s4], f5), s4 = "checked", null != m5 && m5 != t4[s4] && N(t4, s4, m5, $2[s4], f5));
    } else $2 === x3 || l4 && t4.data == x3 || (t4.data = x3);
    return t4;
  }
  function G(t4, r4, u4, i4) {
    try {
      "function" == typeof t4 ? r4 ? r4.__x = t4(r4) || 1 : i4 && (i4 = i4.__c || i4.__e) && (r4 = i4.__x) && (i4.__x = null, "function" == typeof r4 ? r4() : t4(null)) : t4.current = r4;
    } catch (t5) {
      n.__e(t5, u4);
    }
  }
  function J(t4, r4, u4) {
    var i4, f5, o5, e4;
    if (n.unmount && n.unmount(t4), !(i4 = t4.ref) || i4.current && i4.current != t4.__e || G(i4, null, r4, t4), i4 = t4.__c) {
      if (i4.componentWillUnmount) try {
        i4.componentWillUnmount();
      } catch (t5) {
        n.__e(t5, r4);
      }
      i4.__P = i4.__n = null;
    }
    if (i4 = t4.__k) for (e4 = 0; e4 < i4.length; e4++) i4[e4] && J(i4[e4], r4, "function" != typeof t4.type || u4 && !t4.props.__P);
    !u4 && (i4 = t4.__c) && (i4 = i4.__z) && (f5 = B(i4, o5 = [])) && (i4 == t4.__e && o5.some(g), g(f5), g(i4)), u4 || g(t4.__e), t4.__e = t4.__c = t4.__ = null;
  }
  function K(n3, t4, r4) {
    return this.constructor(n3, r4);
  }
  function Q(t4, r4) {
    var u4, i4, f5, o5;
    n.__ && n.__(t4, r4), 9 == r4.nodeType && (r4 = r4.documentElement), i4 = (u4 = t4 && 32 & t4.__u) ? null : r4.__k, r4.__k = m($, { children: [t4] }), f5 = [], o5 = [], z(r4, r4.__k, i4 || p, p, r4.namespaceURI, i4 ? null : r4.firstChild ? d.call(r4.childNodes) : null, f5, i4 ? i4.__e : r4.firstChild, u4, o5), E(f5, r4.__k, o5), r4.__k.props.children = null;
  }
  n = { __e: function(n3, t4, r4, u4) {
    for (var i4, o5, e4; t4 = t4.__; ) if ((i4 = t4.__c) && !(1 & i4.__g)) {
      i4.__g |= 4;
      try {
        if ((e4 = (o5 = i4.constructor) && o5.getDerivedStateFromError) && i4.setState(o5.getDerivedStateFromError(n3)), i4.componentDidCatch && (i4.componentDidCatch(n3, u4 || {}), e4 = 1), e4 && 8 & i4.__g) return void (i4.__g |= 2);
      } catch (t5) {
        n3 = t5;
      }
    }
    throw f = 0, n3;
  } }, t = 0, r = function(n3) {
    return null != n3 && n3.constructor === h;
  }, x.prototype.setState = function(n3, t4) {
    var r4 = this.__s;
    r4 && r4 != this.state || (r4 = this.__s = _({}, this.state)), "function" == typeof n3 && (n3 = n3(_({}, r4), this.props)), n3 && (_(r4, n3), this.__v && (t4 && this.__k.push(t4), L(this)));
  }, x.prototype.forceUpdate = function(n3) {
    this.__v && (this.__g |= 4, n3 && this.__h.push(n3), L(this));
  }, x.prototype.render = $, u = [], f = 0, o = function(n3, t4) {
    return n3.__v.__b - t4.__v.__b;
  }, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

  // node_modules/preact/hooks/dist/hooks.mjs
  var t2;
  var r2;
  var u2;
  var i2;
  var o2 = Object.is;
  var f2 = 0;
  var c2 = [];
  var e2 = [];
  var a2 = n;
  var v2 = a2.__b;
  var l2 = a2.__r;
  var m2 = a2.diffed;
  var h2 = a2.__c;
  var s2 = a2.unmount;
  var p2 = a2.__;
  function y2(n3, t4) {
    a2.__h && a2.__h(r2, n3, f2 || t4), f2 = 0;
    var u4 = r2.__H || (r2.__H = { __: [], __h: [] });
    return n3 >= u4.__.length && u4.__.push({}), u4.__[n3];
  }
  function d2(n3) {
    return f2 = 1, _2(G2, n3);
  }
  function _2(n3, u4, i4) {
    var f5 = y2(t2++, 2);
    if (f5.t = n3, !f5.__c && (f5.__ = [i4 ? i4(u4) : G2(void 0, u4), function(n4) {
      var t4 = (f5.__N || f5.__)[0], r4 = f5.t(t4, n4);
      o2(t4, r4) || (f5.__N = [r4, f5.__[1]], f5.__c.setState({}));
    }], f5.__c = r2, !r2.__f)) {
      r2.__f = true;
      var c4 = r2.shouldComponentUpdate;
      r2.shouldComponentUpdate = function(n4, t4, r4) {
        var u5 = this.__H;
        if (!u5) return true;
        var i5 = false, f6 = this.props != n4;
        if (u5.__.some(function(n5) {
          n5.__N && (i5 = true, o2(n5.__[0], n5.__N[0]) || (f6 = true));
        }), c4) {
          var e4 = c4.call(this, n4, t4, r4);
          return i5 ? e4 || f6 : e4;
        }
        return !i5 || f6;
      };
    }
    return f5.__;
  }
  function A2(n3, u4) {
    var i4 = y2(t2++, 3);
    !a2.__s && E2(i4.__H, u4) && (i4.__P = true, i4.__ = n3, i4.u = u4, r2.__H.__h.push(i4));
  }
  function T2(n3) {
    return f2 = 5, w2(function() {
      return { current: n3 };
    }, []);
  }
  function w2(n3, r4) {
    var u4 = y2(t2++, 7);
    return E2(u4.__H, r4) && (u4.__ = n3(), u4.__H = r4), u4.__;
  }
  function P2() {
    var n3 = y2(t2++, 11);
    if (!n3.__) {
      for (var u4 = r2.__v; !u4.__m && u4.__; ) u4 = u4.__;
      var i4 = u4.__m || (u4.__m = [0, 0]);
      n3.__ = "P" + i4[0] + "-" + i4[1]++;
    }
    return n3.__;
  }
  function g2() {
    var n3;
    do {
      for (; n3 = e2.shift(); ) try {
        C2(n3);
      } catch (t5) {
        a2.__e(t5, { __: (n3 = n3.__P) && n3.__v });
      }
      for (; n3 = c2.shift(); ) {
        var t4 = n3.__H;
        if (n3.__P && t4) try {
          t4.__h.some(C2), t4.__h.some(D2), t4.__h = [];
        } catch (r4) {
          t4.__h = [], a2.__e(r4, n3.__v);
        }
      }
    } while (e2.length);
  }
  a2.__b = function(n3) {
    r2 = null, v2 && v2(n3);
  }, a2.__ = function(n3, t4) {
    n3 && t4.__k && t4.__k.__m && (n3.__m = t4.__k.__m), p2 && p2(n3, t4);
  }, a2.__r = function(n3) {
    l2 && l2(n3), t2 = 0;
    var i4 = (r2 = n3.__c).__H;
    i4 && (u2 == r2 ? r2.__h = [] : (i4.__h.some(C2), i4.__h.some(D2), t2 = 0), i4.__h = [], i4.__.some(function(n4) {
      n4.__N && (n4.__ = n4.__N), n4.u = n4.__N = void 0;
    })), u2 = r2;
  }, a2.diffed = function(n3) {
    m2 && m2(n3);
    var t4 = n3.__c;
    t4 && t4.__H && (t4.__H.__h.length && B2(c2.push(t4)), t4.__H.__.some(function(n4) {
      n4.u && (n4.__H = n4.u);
    })), u2 = r2 = null;
  }, a2.__c = function(n3, t4) {
    t4.some(function(n4) {
      try {
        n4.__h.some(C2), n4.__h = n4.__h.filter(function(n5) {
          return !n5.__ || D2(n5);
        });
      } catch (t5) {
        n4.__h = [function() {
          throw t5;
        }];
      }
    }), h2 && h2(n3, t4);
  }, a2.unmount = function(n3) {
    s2 && s2(n3);
    var t4, r4, u4 = n3.__c;
    u4 && u4.__H && (u4.__H.__.some(function(u5) {
      try {
        if (u5.__P && u5.__c) {
          if (void 0 === r4) {
            for (r4 = n3.__; r4 && (!r4.__c || !r4.__c.__P); ) r4 = r4.__;
            r4 = r4 && r4.__c;
          }
          u5.__P = r4, B2(e2.push(u5));
        } else C2(u5);
      } catch (n4) {
        t4 = n4;
      }
    }), u4.__H = void 0, t4 && a2.__e(t4, u4.__v));
  };
  var k2 = "function" == typeof requestAnimationFrame;
  function z2(n3) {
    var t4, r4 = function() {
      clearTimeout(u4), k2 && cancelAnimationFrame(t4), setTimeout(n3);
    }, u4 = setTimeout(r4, 35);
    k2 && (t4 = requestAnimationFrame(r4));
  }
  function B2(n3) {
    1 != n3 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
  }
  function C2(n3) {
    var t4 = r2, u4 = n3.__c;
    "function" == typeof u4 && (n3.__c = void 0, u4()), r2 = t4;
  }
  function D2(n3) {
    var t4 = r2;
    n3.__c = n3.__(), r2 = t4;
  }
  function E2(n3, t4) {
    return !n3 || n3.length != t4.length || t4.some(function(t5, r4) {
      return !o2(t5, n3[r4]);
    });
  }
  function G2(n3, t4) {
    return "function" == typeof t4 ? t4(n3) : t4;
  }

  // node_modules/@preact/signals-core/dist/signals-core.module.js
  var i3 = /* @__PURE__ */ Symbol.for("preact-signals");
  function t3() {
    if (!(v3 > 1)) {
      var i4, t4 = false;
      !(function() {
        var i5 = c3;
        c3 = void 0;
        while (void 0 !== i5) {
          var t5 = i5.S;
          if (t5.v === i5.v) {
            for (var r5 = t5.t; void 0 !== r5; r5 = r5.x) if (r5.i === i5.i) r5.i = t5.i;
          }
          i5 = i5.o;
        }
      })();
      while (void 0 !== h3) {
        var r4 = h3;
        h3 = void 0;
        s3++;
        while (void 0 !== r4) {
          var n3 = r4.u;
          r4.u = void 0;
          r4.f &= -3;
          if (!(8 & r4.f) && w3(r4)) try {
            r4.c();
          } catch (r5) {
            if (!t4) {
              i4 = r5;
              t4 = true;
            }
          }
          r4 = n3;
        }
      }
      s3 = 0;
      v3--;
      if (t4) throw i4;
    } else v3--;
  }
  function r3(i4) {
    if (v3 > 0) return i4();
    u3 = ++e3;
    v3++;
    try {
      return i4();
    } finally {
      t3();
    }
  }
  var n2;
  var o3 = void 0;
  function f3(i4) {
    var t4 = o3, r4 = n2;
    o3 = void 0;
    n2 = void 0;
    try {
      return i4();
    } finally {
      o3 = t4;
      n2 = r4;
    }
  }
  var h3 = void 0;
  var v3 = 0;
  var s3 = 0;
  var e3 = 0;
  var u3 = 0;
  var c3 = void 0;
  var a3 = 0;
  function d3(i4) {
    if (void 0 !== o3) {
      var t4 = i4.n;
      if (void 0 === t4 || t4.t !== o3) {
        t4 = { i: 0, S: i4, p: o3.s, n: void 0, t: o3, e: void 0, x: void 0, r: t4 };
        if (void 0 !== o3.s) o3.s.n = t4;
        o3.s = t4;
        i4.n = t4;
        if (32 & o3.f) i4.S(t4);
        return t4;
      } else if (-1 === t4.i) {
        t4.i = 0;
        if (void 0 !== t4.n) {
          t4.n.p = t4.p;
          if (void 0 !== t4.p) t4.p.n = t4.n;
          t4.p = o3.s;
          t4.n = void 0;
          o3.s.n = t4;
          o3.s = t4;
        }
        return t4;
      }
    }
  }
  function l3(i4, t4) {
    this.v = i4;
    this.i = 0;
    this.n = void 0;
    this.t = void 0;
    this.l = 0;
    this.W = null == t4 ? void 0 : t4.watched;
    this.Z = null == t4 ? void 0 : t4.unwatched;
    this.name = null == t4 ? void 0 : t4.name;
  }
  l3.prototype.brand = i3;
  l3.prototype.h = function() {
    return true;
  };
  l3.prototype.S = function(i4) {
    var t4 = this, r4 = this.t;
    if (r4 !== i4 && void 0 === i4.e) {
      i4.x = r4;
      this.t = i4;
      if (void 0 !== r4) r4.e = i4;
      else f3(function() {
        var i5;
        null == (i5 = t4.W) || i5.call(t4);
      });
    }
  };
  l3.prototype.U = function(i4) {
    var t4 = this;
    if (void 0 !== this.t) {
      var r4 = i4.e, n3 = i4.x;
      if (void 0 !== r4) {
        r4.x = n3;
        i4.e = void 0;
      }
      if (void 0 !== n3) {
        n3.e = r4;
        i4.x = void 0;
      }
      if (i4 === this.t) {
        this.t = n3;
        if (void 0 === n3) f3(function() {
          var i5;
          null == (i5 = t4.Z) || i5.call(t4);
        });
      }
    }
  };
  l3.prototype.subscribe = function(i4) {
    var t4 = this;
    return x2(function() {
      var r4 = t4.value;
      f3(function() {
        return i4(r4);
      });
    }, { name: "sub" });
  };
  l3.prototype.valueOf = function() {
    return this.value;
  };
  l3.prototype.toString = function() {
    return this.value + "";
  };
  l3.prototype.toJSON = function() {
    return this.value;
  };
  l3.prototype.peek = function() {
    var i4 = this;
    return f3(function() {
      return i4.value;
    });
  };
  Object.defineProperty(l3.prototype, "value", { get: function() {
    var i4 = d3(this);
    if (void 0 !== i4) i4.i = this.i;
    return this.v;
  }, set: function(i4) {
    if (i4 !== this.v) {
      if (s3 > 100) throw new Error("Cycle detected");
      !(function(i5) {
        if (0 !== v3 && 0 === s3) {
          if (i5.l !== u3) {
            i5.l = u3;
            c3 = { S: i5, v: i5.v, i: i5.i, o: c3 };
          }
        }
      })(this);
      this.v = i4;
      this.i++;
      a3++;
      v3++;
      try {
        for (var r4 = this.t; void 0 !== r4; r4 = r4.x) r4.t.N();
      } finally {
        t3();
      }
    }
  } });
  function y3(i4, t4) {
    return new l3(i4, t4);
  }
  function w3(i4) {
    for (var t4 = i4.s; void 0 !== t4; t4 = t4.n) if (t4.S.i !== t4.i || !t4.S.h() || t4.S.i !== t4.i) return true;
    return false;
  }
  function b(i4) {
    for (var t4 = i4.s; void 0 !== t4; t4 = t4.n) {
      var r4 = t4.S.n;
      if (void 0 !== r4) t4.r = r4;
      t4.S.n = t4;
      t4.i = -1;
      if (void 0 === t4.n) {
        i4.s = t4;
        break;
      }
    }
  }
  function _3(i4) {
    var t4 = i4.s, r4 = void 0;
    while (void 0 !== t4) {
      var n3 = t4.p;
      if (-1 === t4.i) {
        t4.S.U(t4);
        if (void 0 !== n3) n3.n = t4.n;
        if (void 0 !== t4.n) t4.n.p = n3;
      } else r4 = t4;
      t4.S.n = t4.r;
      if (void 0 !== t4.r) t4.r = void 0;
      t4 = n3;
    }
    i4.s = r4;
  }
  function j2(i4, t4) {
    l3.call(this, void 0, t4);
    this.x = i4;
    this.s = void 0;
    this.g = a3 - 1;
    this.f = 4;
  }
  j2.prototype = new l3();
  j2.prototype.h = function() {
    this.f &= -3;
    if (1 & this.f) return false;
    if (32 == (36 & this.f)) return true;
    this.f &= -5;
    if (this.g === a3) return true;
    this.g = a3;
    this.f |= 1;
    if (this.i > 0 && !w3(this)) {
      this.f &= -2;
      return true;
    }
    var i4 = o3;
    try {
      b(this);
      o3 = this;
      var t4 = this.x();
      if (16 & this.f || this.v !== t4 || 0 === this.i) {
        this.v = t4;
        this.f &= -17;
        this.i++;
      }
    } catch (i5) {
      this.v = i5;
      this.f |= 16;
      this.i++;
    }
    o3 = i4;
    _3(this);
    this.f &= -2;
    return true;
  };
  j2.prototype.S = function(i4) {
    if (void 0 === this.t) {
      this.f |= 36;
      for (var t4 = this.s; void 0 !== t4; t4 = t4.n) t4.S.S(t4);
    }
    l3.prototype.S.call(this, i4);
  };
  j2.prototype.U = function(i4) {
    if (void 0 !== this.t) {
      l3.prototype.U.call(this, i4);
      if (void 0 === this.t) {
        this.f &= -33;
        for (var t4 = this.s; void 0 !== t4; t4 = t4.n) t4.S.U(t4);
      }
    }
  };
  j2.prototype.N = function() {
    if (!(2 & this.f)) {
      this.f |= 6;
      for (var i4 = this.t; void 0 !== i4; i4 = i4.x) i4.t.N();
    }
  };
  Object.defineProperty(j2.prototype, "value", { get: function() {
    if (1 & this.f) throw new Error("Cycle detected");
    var i4 = d3(this);
    this.h();
    if (void 0 !== i4) i4.i = this.i;
    if (16 & this.f) throw this.v;
    return this.v;
  } });
  function O(i4, t4) {
    return new j2(i4, t4);
  }
  function p3(i4) {
    var r4 = i4.j;
    i4.j = void 0;
    if ("function" == typeof r4) {
      v3++;
      var n3 = o3;
      o3 = void 0;
      try {
        r4();
      } catch (t4) {
        i4.f &= -2;
        i4.f |= 8;
        g3(i4);
        throw t4;
      } finally {
        o3 = n3;
        t3();
      }
    }
  }
  function g3(i4) {
    for (var t4 = i4.s; void 0 !== t4; t4 = t4.n) t4.S.U(t4);
    i4.x = void 0;
    i4.s = void 0;
    p3(i4);
  }
  function S2(i4) {
    if (o3 !== this) throw new Error("Out-of-order effect");
    _3(this);
    o3 = i4;
    this.f &= -2;
    try {
      if (8 & this.f) g3(this);
    } finally {
      t3();
    }
  }
  function m3(i4, t4) {
    this.x = i4;
    this.j = void 0;
    this.s = void 0;
    this.u = void 0;
    this.f = 32;
    this.name = null == t4 ? void 0 : t4.name;
    if (n2) n2.push(this);
  }
  m3.prototype.c = function() {
    var i4 = this.S();
    try {
      if (8 & this.f) return;
      if (void 0 === this.x) return;
      var t4 = this.x();
      if ("function" == typeof t4) this.j = t4;
    } finally {
      i4();
    }
  };
  m3.prototype.S = function() {
    if (1 & this.f) throw new Error("Cycle detected");
    this.f |= 1;
    this.f &= -9;
    p3(this);
    b(this);
    v3++;
    var i4 = o3;
    o3 = this;
    return S2.bind(this, i4);
  };
  m3.prototype.N = function() {
    if (!(2 & this.f)) {
      this.f |= 2;
      this.u = h3;
      h3 = this;
    }
  };
  m3.prototype.d = function() {
    this.f |= 8;
    if (!(1 & this.f)) g3(this);
  };
  m3.prototype.dispose = function() {
    this.d();
  };
  function x2(i4, t4) {
    var r4 = new m3(i4, t4);
    try {
      r4.c();
    } catch (i5) {
      r4.d();
      throw i5;
    }
    var n3 = r4.d.bind(r4);
    n3[Symbol.dispose] = n3;
    return n3;
  }

  // node_modules/@preact/signals/dist/signals.module.js
  var h4;
  var d4;
  var p4;
  var m4 = "undefined" != typeof window && !!window.__PREACT_SIGNALS_DEVTOOLS__;
  var g4 = [];
  x2(function() {
    h4 = this.N;
  })();
  function b2(i4, n3) {
    n[i4] = n3.bind(null, n[i4] || function() {
    });
  }
  function y4(i4) {
    if (p4) {
      var n3 = p4;
      p4 = void 0;
      n3();
    }
    p4 = i4 && i4.S();
  }
  function w4(i4) {
    var n3 = this, r4 = i4.data, t4 = useSignal(r4);
    t4.name = "ReactiveDom";
    t4.value = r4;
    var e4 = w2(function() {
      var i5 = n3, r5 = n3.__v;
      while (r5 = r5.__) if (r5.__c) {
        r5.__c.__$f |= 4;
        break;
      }
      var o5 = O(function() {
        var i6 = t4.value.value;
        return 0 === i6 ? 0 : true === i6 ? "" : i6 || "";
      }), e5 = O(function() {
        return !Array.isArray(o5.value) && !r(o5.value);
      }), u5 = x2(function() {
        this.N = M;
        if (e5.value) {
          var n4 = o5.value;
          if (i5.__v && i5.__v.__e && 3 === i5.__v.__e.nodeType) i5.__v.__e.data = n4;
        }
      }), c5 = n3.__$u.d;
      n3.__$u.d = function() {
        u5();
        c5.call(this);
      };
      return [e5, o5];
    }, []), u4 = e4[0], c4 = e4[1];
    return u4.value ? c4.peek() : c4.value;
  }
  w4.displayName = "ReactiveTextNode";
  Object.defineProperties(l3.prototype, { constructor: { configurable: true, value: k($, null).constructor }, type: { configurable: true, value: w4 }, props: { configurable: true, get: function() {
    var i4 = this;
    return { data: { get value() {
      return i4.value;
    } } };
  } }, __b: { configurable: true, value: 1 } });
  b2("__b", function(i4, n3) {
    y4();
    d4 = void 0;
    if ("string" == typeof n3.type) {
      var r4, t4 = n3.props;
      for (var f5 in t4) if ("children" !== f5) {
        var o5 = t4[f5];
        if (o5 instanceof l3) {
          if (!r4) n3.__np = r4 = {};
          r4[f5] = o5;
          t4[f5] = o5.peek();
        }
      }
    }
    i4(n3);
  });
  b2("__r", function(i4, r4) {
    i4(r4);
    if (r4.type !== $) {
      y4();
      var t4, f5 = r4.__c;
      if (f5) {
        f5.__$f &= -2;
        if (void 0 === (t4 = f5.__$u)) f5.__$u = t4 = (function(i5, n3) {
          var r5;
          x2(function() {
            r5 = this;
          }, { name: n3 });
          r5.c = i5;
          return r5;
        })(/* @__PURE__ */ (function(i5) {
          return function() {
            var n3;
            if (m4) null == (n3 = this.y) || n3.call(this);
            i5.__$f |= 1;
            i5.setState({});
          };
        })(f5), "function" == typeof r4.type ? r4.type.displayName || r4.type.name : "");
      }
      d4 = f5;
      y4(t4);
    }
  });
  b2("__e", function(i4, n3, r4, t4) {
    y4();
    d4 = void 0;
    i4(n3, r4, t4);
  });
  b2("diffed", function(i4, n3) {
    y4();
    d4 = void 0;
    var r4;
    if ("string" == typeof n3.type && (r4 = n3.__e)) {
      var t4 = n3.__np, f5 = n3.props, o5 = r4.U;
      if (o5) for (var e4 in o5) {
        var u4 = o5[e4];
        if (!(void 0 === u4 || t4 && e4 in t4)) {
          u4.d();
          o5[e4] = void 0;
        }
      }
      if (t4) {
        if (!o5) {
          o5 = {};
          r4.U = o5;
        }
        for (var a5 in t4) {
          var c4 = o5[a5], v4 = t4[a5];
          if (void 0 === c4) {
            c4 = k3(r4, a5, v4, f5);
            o5[a5] = c4;
          } else c4.o(v4, f5);
        }
      }
    }
    i4(n3);
  });
  function k3(i4, n3, r4, t4) {
    var f5 = n3 in i4 && void 0 === i4.ownerSVGElement, o5 = y3(r4);
    return { o: function(i5, n4) {
      o5.value = i5;
      t4 = n4;
    }, d: x2(function() {
      this.N = M;
      var r5 = o5.value.value;
      if (t4[n3] !== r5) {
        t4[n3] = r5;
        if (f5) i4[n3] = r5;
        else if (null != r5 && (false !== r5 || "-" === n3[4])) i4.setAttribute(n3, r5);
        else i4.removeAttribute(n3);
      }
    }) };
  }
  b2("unmount", function(i4, n3) {
    if ("string" == typeof n3.type) {
      var r4 = n3.__e;
      if (r4) {
        var t4 = r4.U;
        if (t4) {
          r4.U = void 0;
          for (var f5 in t4) {
            var o5 = t4[f5];
            if (o5) o5.d();
          }
        }
      }
      var e4 = n3.__np;
      if (e4) {
        var u4 = n3.props;
        for (var a5 in e4) u4[a5] = e4[a5];
      }
      n3.__np = void 0;
    } else {
      var c4 = n3.__c;
      if (c4) {
        c4.__$f |= 8;
        var v4 = c4.__$u;
        if (v4) {
          c4.__$u = void 0;
          v4.d();
        }
      }
    }
    i4(n3);
  });
  b2("__h", function(i4, n3, r4, t4) {
    if (t4 < 3) n3.__$f |= 2;
    i4(n3, r4, t4);
  });
  x.prototype.shouldComponentUpdate = function(i4, n3) {
    if (this.__R) return true;
    var r4 = this.__$u, t4 = r4 && void 0 !== r4.s;
    for (var f5 in n3) return true;
    if (this.__f || "boolean" == typeof this.u && true === this.u) {
      var o5 = 2 & this.__$f;
      if (!(t4 || o5 || 4 & this.__$f)) return true;
      if (1 & this.__$f) return true;
    } else {
      if (!(t4 || 4 & this.__$f)) return true;
      if (3 & this.__$f) return true;
    }
    for (var e4 in i4) if ("__source" !== e4 && i4[e4] !== this.props[e4]) return true;
    for (var u4 in this.props) if (!(u4 in i4)) return true;
    return false;
  };
  function useSignal(i4, n3) {
    return w2(function() {
      return y3(i4, n3);
    }, []);
  }
  var A3 = function(i4) {
    queueMicrotask(function() {
      queueMicrotask(i4);
    });
  };
  function F2() {
    r3(function() {
      var i4;
      while (i4 = g4.shift()) h4.call(i4);
    });
  }
  function M() {
    if (1 === g4.push(this)) (n.requestAnimationFrame || A3)(F2);
  }

  // src/router.ts
  var BASE = "/ui";
  var place = y3(read());
  function read() {
    const { pathname, search } = globalThis.location ?? { pathname: BASE, search: "" };
    const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
    return { path: path === "" ? "/" : path.replace(/(.)\/$/, "$1"), params: new URLSearchParams(search) };
  }
  globalThis.addEventListener?.("popstate", () => {
    place.value = read();
  });
  function hrefOf(path, params) {
    const query = params === void 0 ? "" : readable(params);
    return BASE + path + (query === "" ? "" : `?${query}`);
  }
  function readable(params) {
    return params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%28", "(").replaceAll("%29", ")").replaceAll("%27", "'");
  }
  function navigate(path, params, replace = false) {
    const href = hrefOf(path, params);
    if (href === location.pathname + location.search) {
      return;
    }
    if (replace) {
      history.replaceState(null, "", href);
    } else {
      history.pushState(null, "", href);
    }
    const before = place.value.path;
    place.value = read();
    if (place.value.path !== before && !replace) {
      scrollTo(0, 0);
    }
  }

  // node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
  var f4 = /* @__PURE__ */ Symbol.for("pv");
  var o4 = 0;
  function a4(t4, e4, n3, u4, a5, i4) {
    e4 || (e4 = {});
    var c4, l4, p5 = e4;
    if ("ref" in p5 && "function" != typeof t4) for (l4 in p5 = {}, e4) "ref" == l4 ? c4 = e4[l4] : p5[l4] = e4[l4];
    var s4 = { type: t4, props: p5, key: n3, ref: c4, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: f4, __v: --o4, __i: -1, __u: 0 };
    return (a5 || i4) && (s4.__source = a5, s4.__self = i4), n.vnode && n.vnode(s4), s4;
  }

  // src/components/basic.tsx
  function Button({ kind = "plain", type = "button", class: more, ...rest }) {
    return /* @__PURE__ */ a4("button", { type, class: `button ${kind} ${more ?? ""}`.trim(), ...rest });
  }
  function Link({ to, params, current, onGo, children, ...rest }) {
    const go = (event) => {
      if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        onGo?.();
        navigate(to, params);
      }
    };
    return /* @__PURE__ */ a4("a", { href: hrefOf(to, params), onClick: go, "aria-current": current ? "page" : void 0, ...rest, children });
  }
  function Chip({ label, tone = "plain", onRemove, children }) {
    return /* @__PURE__ */ a4("span", { class: `chip ${tone}`, title: label, children: [
      /* @__PURE__ */ a4("span", { class: "chip-text", children }),
      onRemove && /* @__PURE__ */ a4("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${label}`, onClick: onRemove, children: "×" })
    ] });
  }
  function Loading({ label = "Loading" }) {
    return /* @__PURE__ */ a4("div", { class: "loading", role: "status", children: [
      /* @__PURE__ */ a4("span", { class: "loading-dots", "aria-hidden": "true" }),
      label,
      "…"
    ] });
  }
  function Empty({ title, children }) {
    return /* @__PURE__ */ a4("div", { class: "empty", children: [
      /* @__PURE__ */ a4("p", { class: "empty-title", children: title }),
      children
    ] });
  }
  function Field({ label, hint, error, children }) {
    return /* @__PURE__ */ a4("label", { class: "field", children: [
      /* @__PURE__ */ a4("span", { class: "field-label", children: label }),
      children,
      hint && /* @__PURE__ */ a4("span", { class: "field-hint", children: hint }),
      error && /* @__PURE__ */ a4("span", { class: "field-error", role: "alert", children: error })
    ] });
  }

  // src/components/dialog.tsx
  function Dialog({ title, onClose, wide, children, actions }) {
    const element = T2(null);
    const id = P2();
    A2(() => {
      const dialog = element.current;
      dialog?.showModal();
      return () => dialog?.close();
    }, []);
    return /* @__PURE__ */ a4(
      "dialog",
      {
        ref: element,
        class: wide ? "dialog wide" : "dialog",
        "aria-labelledby": id,
        onCancel: (event) => {
          event.preventDefault();
          onClose();
        },
        onClick: (event) => event.target === element.current && onClose(),
        children: /* @__PURE__ */ a4("div", { class: "dialog-body", children: [
          /* @__PURE__ */ a4("header", { children: [
            /* @__PURE__ */ a4("h2", { id, children: title }),
            /* @__PURE__ */ a4("button", { type: "button", class: "button quiet icon", "aria-label": "Close", onClick: onClose, children: "×" })
          ] }),
          children,
          actions && /* @__PURE__ */ a4("footer", { children: actions })
        ] })
      }
    );
  }

  // src/components/popover.tsx
  var EDGE = 8;
  function Popover({ label, name, class: more, openRequest, children }) {
    const [open2, setOpen] = d2(false);
    const button = T2(null);
    const panel = T2(null);
    const id = P2();
    A2(() => {
      const element = panel.current;
      if (element === null) {
        return;
      }
      const toggled2 = (event) => setOpen(event.newState === "open");
      element.addEventListener("toggle", toggled2);
      return () => element.removeEventListener("toggle", toggled2);
    }, []);
    A2(() => {
      if (openRequest !== void 0 && openRequest > 0) {
        panel.current?.showPopover();
      }
    }, [openRequest]);
    A2(() => {
      if (!open2 || button.current === null || panel.current === null) {
        return;
      }
      const place2 = () => beside(button.current, panel.current);
      place2();
      const first = panel.current.querySelector("input, [role^=menuitem], [role=option]");
      first?.focus();
      addEventListener("resize", place2);
      addEventListener("scroll", place2, { passive: true });
      return () => {
        removeEventListener("resize", place2);
        removeEventListener("scroll", place2);
      };
    }, [open2]);
    const close = () => {
      panel.current?.hidePopover();
      button.current?.focus();
    };
    return /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4(
        "button",
        {
          ref: button,
          type: "button",
          class: more ?? "button plain",
          "aria-label": name,
          "aria-expanded": open2,
          "aria-controls": id,
          popovertarget: id,
          children: label
        }
      ),
      /* @__PURE__ */ a4("div", { ref: panel, id, class: "popover", popover: "auto", children: open2 && children(close) })
    ] });
  }
  function beside(button, panel) {
    const at2 = button.getBoundingClientRect();
    const size = panel.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    const below = at2.bottom + 4;
    const fits = below + size.height <= innerHeight - EDGE || at2.top < innerHeight / 2;
    const left = Math.max(EDGE, Math.min(at2.left, width - size.width - EDGE));
    const top = fits ? below : Math.max(EDGE, at2.top - size.height - 4);
    panel.style.left = `${left}px`;
    panel.style.top = `${top}px`;
    panel.style.maxHeight = `${Math.max(160, innerHeight - top - EDGE)}px`;
  }

  // src/components/menu.tsx
  function Menu({ label, name, class: more, items }) {
    return /* @__PURE__ */ a4(Popover, { label, ...name ? { name } : {}, ...more ? { class: more } : {}, children: (close) => /* @__PURE__ */ a4("div", { role: "menu", "aria-label": name, class: "menu", onKeyDown: moveFocus, children: items.map((item, index) => /* @__PURE__ */ a4(Item, { item, close }, index)) }) });
  }
  function Item({ item, close }) {
    const content = /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4("span", { children: item.label }),
      item.hint && /* @__PURE__ */ a4("span", { class: "menu-hint", children: item.hint })
    ] });
    const select = () => {
      close();
      item.onSelect?.();
    };
    if (item.download !== void 0) {
      const { href, name } = item.download;
      return /* @__PURE__ */ a4("a", { role: "menuitem", class: "menu-item", href, download: name, onClick: select, children: content });
    }
    return /* @__PURE__ */ a4(
      "button",
      {
        type: "button",
        role: "menuitem",
        class: item.danger ? "menu-item danger" : "menu-item",
        disabled: item.disabled,
        onClick: select,
        children: content
      }
    );
  }
  function moveFocus(event) {
    const list = event.currentTarget;
    const items = [...list.querySelectorAll("[role^=menuitem], [role=option], [role=tab]")];
    const at2 = items.indexOf(document.activeElement);
    const next = nextIndex(event.key, at2, items.length);
    if (next !== void 0) {
      event.preventDefault();
      items[next]?.focus();
    }
  }
  function nextIndex(key2, at2, count) {
    switch (key2) {
      case "ArrowDown":
      case "ArrowRight":
        return (at2 + 1) % count;
      case "ArrowUp":
      case "ArrowLeft":
        return (at2 - 1 + count) % count;
      case "Home":
        return 0;
      case "End":
        return count - 1;
      default:
        return void 0;
    }
  }

  // src/components/picker.tsx
  var SEARCH_FROM = 9;
  var SHOWN = 200;
  function Picker(props) {
    const { name, options, selected, multiple, onSelect, onSearch, free, footer } = props;
    const [text2, setText] = d2("");
    const id = P2();
    const wanted = text2.trim().toLowerCase();
    const found = onSearch ? options : options.filter(({ value }) => value.toLowerCase().includes(wanted));
    const shown = found.slice(0, SHOWN);
    const searchable = onSearch !== void 0 || free || options.length >= SEARCH_FROM;
    const enter = (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        const first = shown[0]?.value ?? (free && text2.trim() !== "" ? text2.trim() : void 0);
        if (first !== void 0) {
          onSelect(first);
        }
      } else if (event.key === "ArrowDown") {
        event.preventDefault();
        document.getElementById(id)?.querySelector("[role=option]")?.focus();
      }
    };
    return /* @__PURE__ */ a4("div", { class: "picker", children: [
      searchable && /* @__PURE__ */ a4(
        "input",
        {
          type: "search",
          class: "picker-search",
          "aria-label": `Search ${name}`,
          placeholder: "Search",
          autocomplete: "off",
          spellcheck: false,
          value: text2,
          onKeyDown: enter,
          onInput: (event) => {
            setText(event.currentTarget.value);
            onSearch?.(event.currentTarget.value);
          }
        }
      ),
      /* @__PURE__ */ a4(
        "div",
        {
          id,
          role: "listbox",
          "aria-label": name,
          "aria-multiselectable": multiple,
          class: "menu",
          tabIndex: -1,
          onKeyDown: moveFocus,
          children: [
            shown.map(({ value, label, hint }) => /* @__PURE__ */ a4(
              "button",
              {
                type: "button",
                role: "option",
                "aria-selected": selected.includes(value),
                class: "menu-item",
                onClick: () => onSelect(value),
                children: [
                  /* @__PURE__ */ a4("span", { class: "picker-label", children: [
                    /* @__PURE__ */ a4("span", { class: "picker-mark", "aria-hidden": "true", children: selected.includes(value) ? "✓" : "" }),
                    /* @__PURE__ */ a4("bdi", { children: label ?? value })
                  ] }),
                  hint && /* @__PURE__ */ a4("span", { class: "menu-hint", children: hint })
                ]
              },
              value
            )),
            shown.length === 0 && /* @__PURE__ */ a4("p", { class: "picker-none muted", children: "Nothing matches." })
          ]
        }
      ),
      found.length > shown.length && /* @__PURE__ */ a4("p", { class: "picker-none muted", children: [
        "And ",
        found.length - shown.length,
        " more: type to find them."
      ] }),
      footer
    ] });
  }

  // src/json.ts
  var Decimal = class {
    constructor(text2) {
      this.text = text2;
    }
    text;
    /** The nearest double: for positions of pixels and for small counts, never for what is shown. */
    approx() {
      return Number(this.text);
    }
    toString() {
      return this.text;
    }
  };
  var SPACE = /[ \t\n\r]*/y;
  var NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  var STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;
  var DEPTH = 200;
  var Reader = class {
    constructor(text2) {
      this.text = text2;
    }
    text;
    at = 0;
    document() {
      const value = this.value(0);
      this.match(SPACE);
      if (this.at !== this.text.length) {
        this.fail();
      }
      return value;
    }
    value(depth) {
      if (depth > DEPTH) {
        this.fail();
      }
      this.match(SPACE);
      switch (this.text[this.at]) {
        case "{":
          return this.object(depth);
        case "[":
          return this.array(depth);
        case '"':
          return this.string();
        case "t":
          return this.word("true", true);
        case "f":
          return this.word("false", false);
        case "n":
          return this.word("null", null);
        default:
          return new Decimal(this.match(NUMBER) || this.fail());
      }
    }
    object(depth) {
      const object = {};
      this.items("}", () => {
        this.match(SPACE);
        const key2 = this.string();
        this.expect(":");
        const value = this.value(depth + 1);
        if (key2 === "__proto__") {
          Object.defineProperty(object, key2, { value, enumerable: true });
        } else {
          object[key2] = value;
        }
      });
      return object;
    }
    array(depth) {
      const array = [];
      this.items("]", () => array.push(this.value(depth + 1)));
      return array;
    }
    items(end, item) {
      this.at += 1;
      this.match(SPACE);
      if (this.text[this.at] === end) {
        this.at += 1;
        return;
      }
      for (; ; ) {
        item();
        this.match(SPACE);
        const next = this.text[this.at];
        this.at += 1;
        if (next === end) {
          return;
        }
        if (next !== ",") {
          this.fail();
        }
      }
    }
    string() {
      const quoted = this.match(STRING) || this.fail();
      return quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
    }
    word(text2, value) {
      if (!this.text.startsWith(text2, this.at)) {
        this.fail();
      }
      this.at += text2.length;
      return value;
    }
    expect(character) {
      this.match(SPACE);
      if (this.text[this.at] !== character) {
        this.fail();
      }
      this.at += 1;
    }
    match(pattern) {
      pattern.lastIndex = this.at;
      const found = pattern.exec(this.text)?.[0] ?? "";
      this.at += found.length;
      return found;
    }
    fail() {
      throw new SyntaxError(`not JSON at character ${this.at}`);
    }
  };
  function readJson(text2) {
    return new Reader(text2).document();
  }
  function writeJson(value, indent = "", at2 = "") {
    if (value instanceof Decimal) {
      return value.text;
    }
    if (value === null || typeof value !== "object") {
      return JSON.stringify(value) ?? "null";
    }
    const inner = at2 + indent;
    const [open2, close, items] = Array.isArray(value) ? ["[", "]", value.map((item) => writeJson(item, indent, inner))] : ["{", "}", members(value, indent, inner)];
    if (items.length === 0) {
      return open2 + close;
    }
    return indent === "" ? open2 + items.join(",") + close : `${open2}
${inner}${items.join(`,
${inner}`)}
${at2}${close}`;
  }
  function members(object, indent, inner) {
    return Object.entries(object).filter(([, value]) => value !== void 0).map(
      ([key2, value]) => `${JSON.stringify(key2)}:${indent === "" ? "" : " "}${writeJson(value, indent, inner)}`
    );
  }

  // src/components/problem.tsx
  function ProblemView({ problem, children }) {
    const place2 = problem.parameter ?? problem.pointer;
    return /* @__PURE__ */ a4("section", { class: "problem", role: "alert", children: [
      /* @__PURE__ */ a4("p", { class: "problem-title", children: [
        problem.status > 0 && /* @__PURE__ */ a4("span", { class: "problem-status", children: problem.status }),
        " ",
        problem.title
      ] }),
      /* @__PURE__ */ a4("p", { class: "problem-detail", children: withCode(problem.message) }),
      /* @__PURE__ */ a4("p", { class: "problem-code", children: [
        /* @__PURE__ */ a4("code", { children: problem.code }),
        place2 !== void 0 && /* @__PURE__ */ a4($, { children: [
          " at ",
          /* @__PURE__ */ a4("code", { children: place2 })
        ] }),
        problem.retryAfter !== void 0 && ` · try again in ${problem.retryAfter} s`
      ] }),
      children && /* @__PURE__ */ a4("div", { class: "problem-actions", children }),
      Object.keys(problem.fields).length > 0 && /* @__PURE__ */ a4("details", { children: [
        /* @__PURE__ */ a4("summary", { children: "Problem document" }),
        /* @__PURE__ */ a4("pre", { children: writeJson(problem.fields, "  ") })
      ] })
    ] });
  }
  function withCode(text2) {
    return text2.split("`").map((part, at2) => at2 % 2 === 1 ? /* @__PURE__ */ a4("code", { children: part }, at2) : part);
  }

  // src/components/table.tsx
  function Table({ caption, columns, rows, rowKey, onRow, foot }) {
    return /* @__PURE__ */ a4("div", { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": caption, children: /* @__PURE__ */ a4("table", { children: [
      /* @__PURE__ */ a4("caption", { class: "visually-hidden", children: caption }),
      /* @__PURE__ */ a4("thead", { children: /* @__PURE__ */ a4("tr", { children: columns.map((column) => /* @__PURE__ */ a4("th", { scope: "col", class: column.number ? "number" : void 0, children: column.title }, column.key)) }) }),
      /* @__PURE__ */ a4("tbody", { children: rows.map((row, index) => /* @__PURE__ */ a4(
        "tr",
        {
          class: onRow ? "clickable" : void 0,
          onClick: onRow ? (event) => onRow(row, event) : void 0,
          children: columns.map((column) => /* @__PURE__ */ a4("td", { class: column.number ? "number" : void 0, children: column.render(row) }, column.key))
        },
        rowKey(row, index)
      )) }),
      foot && /* @__PURE__ */ a4("tfoot", { children: foot })
    ] }) });
  }

  // src/components/tooltip.tsx
  function Tooltip({ text: text2, children }) {
    const [shown, setShown] = d2(false);
    const id = P2();
    return /* @__PURE__ */ a4(
      "span",
      {
        class: "tooltip",
        onMouseEnter: () => setShown(true),
        onMouseLeave: () => setShown(false),
        onFocusIn: () => setShown(true),
        onFocusOut: () => setShown(false),
        onKeyDown: (event) => event.key === "Escape" && setShown(false),
        children: [
          /* @__PURE__ */ a4("span", { tabIndex: 0, class: "tooltip-word", "aria-describedby": id, children }),
          /* @__PURE__ */ a4("span", { role: "tooltip", id, class: "tooltip-text", hidden: !shown, children: text2 })
        ]
      }
    );
  }

  // src/api.ts
  var Problem = class extends Error {
    constructor(fields, status, retryAfter) {
      super(text(fields["detail"]) ?? text(fields["title"]) ?? `The service answered ${status}.`);
      this.fields = fields;
      this.status = status;
      this.code = text(fields["code"]) ?? (status === 0 ? "no_connection" : "unknown");
      this.parameter = text(fields["parameter"]);
      this.pointer = text(fields["pointer"]);
      this.retryAfter = retryAfter;
    }
    fields;
    status;
    code;
    parameter;
    pointer;
    /** Seconds after which a new attempt makes sense, if the service said so. */
    retryAfter;
    get title() {
      return text(this.fields["title"]) ?? (this.status === 0 ? "No connection" : "Not answered");
    }
  };
  function isAbort(error) {
    return error instanceof DOMException && error.name === "AbortError";
  }
  function asProblem(error) {
    if (error instanceof Problem) {
      return error;
    }
    const detail = error instanceof Error ? error.message : String(error);
    return new Problem({ title: "The page failed", detail, code: "page_failed" }, 0);
  }
  var onUnauthorized = { call: () => {
  } };
  async function request(url, options = {}) {
    const response = await open(url, options);
    const body = await response.text();
    const value = isJson(response) && body !== "" ? readJson(body) : body === "" ? null : body;
    return { value, status: response.status, headers: response.headers };
  }
  async function get(url, signal) {
    return (await request(url, signal === void 0 ? {} : { signal })).value;
  }
  function withParams(path, params) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) {
      if (value !== void 0 && value !== "") {
        query.set(name, String(value));
      }
    }
    const written = query.toString();
    return written === "" ? path : `${path}?${written}`;
  }
  async function open(url, options) {
    const headers = new Headers({ Accept: "application/json", ...options.headers });
    let body;
    if (typeof options.body === "string") {
      body = options.body;
    } else if (options.body !== void 0) {
      body = writeJson(options.body);
      if (!headers.has("Content-Type")) {
        headers.set("Content-Type", "application/json");
      }
    }
    let response;
    try {
      response = await fetch(url, {
        method: options.method ?? "GET",
        headers,
        body: body ?? null,
        signal: options.signal ?? null,
        credentials: "same-origin",
        cache: "no-store"
      });
    } catch (error) {
      throw isAbort(error) ? error : new Problem({ detail: "The service cannot be reached. It may be stopped or restarting." }, 0);
    }
    if (response.ok) {
      return response;
    }
    const problem = await problemOf(response);
    if (problem.status === 401) {
      onUnauthorized.call();
    }
    throw problem;
  }
  async function problemOf(response) {
    const retry = Number(response.headers.get("Retry-After") ?? Number.NaN);
    let fields = {};
    try {
      const body = await response.text();
      const value = isJson(response) ? readJson(body) : { detail: body.slice(0, 500) };
      if (value !== null && typeof value === "object" && !Array.isArray(value)) {
        fields = value;
      }
    } catch {
    }
    return new Problem(fields, response.status, Number.isFinite(retry) ? retry : void 0);
  }
  function isJson(response) {
    return /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get("Content-Type") ?? "");
  }
  function text(value) {
    return typeof value === "string" ? value : void 0;
  }
  function follow(url, follower) {
    const control = new AbortController();
    void followUntil(url, follower, control.signal);
    return () => control.abort();
  }
  var FIRST_PAUSE_MS = 500;
  var LONGEST_PAUSE_MS = 15e3;
  async function followUntil(url, follower, signal) {
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        const response = await open(url, { headers: { Accept: "text/event-stream" }, signal });
        await readEvents(response, (data) => {
          pause = FIRST_PAUSE_MS;
          follower.onValue(readJson(data));
        });
      } catch (error) {
        if (isAbort(error) || signal.aborted) {
          return;
        }
        const problem = asProblem(error);
        follower.onProblem(problem);
        if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) {
          return;
        }
        pause = Math.max(pause, (problem.retryAfter ?? 0) * 1e3);
      }
      await sleep(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
  function sleep(ms, signal) {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        done();
      });
    });
  }
  async function readEvents(response, onData) {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (; ; ) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      rest += decoder.decode(value, { stream: true });
      const parts = rest.split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const data = eventData(part);
        if (data !== "") {
          onData(data);
        }
      }
    }
  }
  function eventData(event) {
    return event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(line.startsWith("data: ") ? 6 : 5)).join("\n");
  }

  // src/fetched.ts
  function useFetched(key2, ask, every) {
    const [state, setState] = d2(START);
    const [round2, setRound] = d2(0);
    const latest = T2(ask);
    latest.current = ask;
    A2(() => {
      if (key2 === "") {
        setState({ ...START, loading: false });
        return;
      }
      const control = new AbortController();
      setState((before) => ({ ...before, loading: true }));
      latest.current(control.signal).then(
        (value) => !control.signal.aborted && setState({ value, problem: void 0, loading: false }),
        (error) => {
          if (!isAbort(error) && !control.signal.aborted) {
            setState((before) => ({ ...before, problem: asProblem(error), loading: false }));
          }
        }
      );
      return () => control.abort();
    }, [key2, round2]);
    A2(() => {
      if (every === void 0) {
        return;
      }
      const timer = setInterval(() => !document.hidden && setRound((n3) => n3 + 1), every);
      return () => clearInterval(timer);
    }, [every]);
    return { ...state, reload: () => setRound((n3) => n3 + 1) };
  }
  var START = { value: void 0, problem: void 0, loading: true };

  // src/session.ts
  var session = y3(void 0);
  var OPEN = { authentication: "none", key: null, roles: ["admin"], scope: null };
  async function loadSession() {
    try {
      session.value = await get("/v1/session");
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        session.value = OPEN;
      } else {
        throw error;
      }
    }
  }
  async function logIn(key2) {
    await request("/v1/session", { method: "POST", body: { key: key2 } });
    await loadSession();
  }
  async function logOut() {
    await request("/v1/session", { method: "DELETE" });
    await loadSession();
  }
  function may(role, unbound = false) {
    const current = session.value;
    if (current === void 0 || current.authentication === "required") {
      return false;
    }
    if (current.authentication === "none" || current.roles.includes("admin")) {
      return true;
    }
    return role === "read" && current.roles.includes("read") && !(unbound && current.scope !== null);
  }
  onUnauthorized.call = () => {
    const current = session.value;
    if (current !== void 0 && current.authentication !== "required") {
      session.value = { authentication: "required", key: null, roles: [], scope: null };
    }
  };

  // src/login.tsx
  function LogIn() {
    const [key2, setKey] = d2("");
    const [busy, setBusy] = d2(false);
    const [problem, setProblem] = d2();
    const submit = async (event) => {
      event.preventDefault();
      setBusy(true);
      setProblem(void 0);
      try {
        await logIn(key2.trim());
        setKey("");
      } catch (error) {
        setProblem(asProblem(error));
      } finally {
        setBusy(false);
      }
    };
    return /* @__PURE__ */ a4("main", { class: "login", children: /* @__PURE__ */ a4("form", { onSubmit: submit, children: [
      /* @__PURE__ */ a4("h1", { children: "Merganser" }),
      /* @__PURE__ */ a4("p", { children: "This service asks for a key. It is sent once and never kept in the page." }),
      /* @__PURE__ */ a4(Field, { label: "Key", children: /* @__PURE__ */ a4(
        "input",
        {
          type: "password",
          autocomplete: "off",
          autoFocus: true,
          required: true,
          spellcheck: false,
          value: key2,
          onInput: (event) => setKey(event.currentTarget.value)
        }
      ) }),
      /* @__PURE__ */ a4(Button, { kind: "primary", type: "submit", disabled: busy || key2.trim() === "", children: "Log in" }),
      problem && /* @__PURE__ */ a4(ProblemView, { problem })
    ] }) });
  }

  // src/answer.ts
  function groupsOf(query) {
    const groups = new URLSearchParams(query).get("group_by") ?? "";
    return groups.split(",").filter((name) => name !== "");
  }
  function measuresOf(answer, groupBy) {
    return answer.columns.filter(({ name }) => name !== "time" && !groupBy.includes(name));
  }
  function isNumber({ type }) {
    return type === "integer" || type === "decimal";
  }

  // src/catalog.ts
  var metrics = y3(void 0);
  var asked;
  function loadMetrics(anew = false) {
    if (asked === void 0 || anew) {
      asked = get("/v1/metrics").then(
        (list) => {
          metrics.value = list.metrics;
          return list.metrics;
        },
        (error) => {
          asked = void 0;
          throw error;
        }
      );
    }
    return asked;
  }
  function loadMetric(name, signal) {
    return get(`/v1/metrics/${encodeURIComponent(name)}`, signal);
  }
  function dimensionNames(definition) {
    return (definition?.dimensions ?? []).map(
      (dimension) => typeof dimension === "string" ? dimension : dimension.name
    );
  }
  function isAdditive(definition, measure) {
    const kind = definition?.measures[measure]?.kind;
    return kind === "count" || kind === "sum";
  }

  // src/format.ts
  var GROUP = " ";
  function digits(value) {
    const text2 = String(value);
    const parts = /^(-?)(\d+)((?:\.\d+)?(?:[eE][+-]?\d+)?)$/.exec(text2);
    if (parts === null) {
      return text2;
    }
    const [, sign = "", whole = "", rest = ""] = parts;
    return (sign === "" ? "" : "−") + grouped(whole) + rest;
  }
  function grouped(whole) {
    return whole.length < 5 ? whole : whole.replace(/\B(?=(?:\d{3})+$)/g, GROUP);
  }
  function cell(value) {
    if (value === null || value === void 0) {
      return "–";
    }
    return value instanceof Decimal ? digits(value) : String(value);
  }
  var BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  function bytes(value) {
    let amount = typeof value === "number" ? value : value.approx();
    let unit = 0;
    while (amount >= 1024 && unit < BYTE_UNITS.length - 1) {
      amount /= 1024;
      unit += 1;
    }
    return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${BYTE_UNITS[unit]}`;
  }
  function duration(ms) {
    const amount = typeof ms === "number" ? ms : ms.approx();
    if (amount < 1e3) {
      return `${amount < 10 && amount !== Math.round(amount) ? amount.toFixed(1) : Math.round(amount)} ms`;
    }
    for (const [unit, size, next] of DURATIONS) {
      if (amount < next) {
        const count = amount / size;
        return `${unit === "s" && count < 10 ? count.toFixed(1) : Math.floor(count)} ${unit}`;
      }
    }
    return "–";
  }
  var DURATIONS = [
    ["s", 1e3, 6e4],
    ["min", 6e4, 36e5],
    ["h", 36e5, 1728e5],
    ["d", 864e5, Number.POSITIVE_INFINITY]
  ];
  function dateTime(instant) {
    const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d))?/.exec(instant);
    if (parts === null) {
      return instant;
    }
    const [, date, minute, second] = parts;
    const seconds = second === void 0 || second === "00" ? "" : `:${second}`;
    return `${date} ${minute}${seconds}${instant.endsWith("Z") ? " UTC" : ""}`;
  }
  function plural(count, one, many = `${one}s`) {
    const text2 = String(count);
    return `${digits(text2)} ${text2 === "1" ? one : many}`;
  }
  function percent(share) {
    const amount = (typeof share === "number" ? share : share.approx()) * 100;
    return `${amount >= 10 ? Math.round(amount) : Math.round(amount * 10) / 10} %`;
  }

  // src/chart/time.ts
  var MINUTE = 6e4;
  var DAY = 1440 * MINUTE;
  function wallOf(time) {
    const [, year, month, day, hour, minute] = /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(time)?.map(Number) ?? [];
    return {
      year: year ?? 1970,
      month: month ?? 1,
      day: day ?? 1,
      minute: (hour ?? 0) * 60 + (minute ?? 0)
    };
  }
  function dayNumber(wall) {
    return Math.round(Date.UTC(wall.year, wall.month - 1, wall.day) / DAY);
  }
  var WORDS = { minute: 1, hour: 60 };
  function minutesOf(granularity) {
    const [, count, unit] = /^(\d+)([mh])$/.exec(granularity) ?? [];
    return count === void 0 ? WORDS[granularity] : Number(count) * (unit === "h" ? 60 : 1);
  }
  var LONG = {
    day: ["days", 1],
    "1d": ["days", 1],
    week: ["days", 7],
    "1w": ["days", 7],
    month: ["months", 1],
    "1M": ["months", 1],
    quarter: ["months", 3],
    year: ["months", 12],
    "1y": ["months", 12]
  };
  function endOf(time, granularity) {
    const at2 = Date.parse(time);
    const wall = wallOf(time);
    const minutes = minutesOf(granularity);
    if (minutes !== void 0) {
      return at2 + (minutes - wall.minute % minutes) * MINUTE;
    }
    const long = LONG[granularity];
    if (long === void 0) {
      return at2;
    }
    const [unit, count] = long;
    const begin = Date.UTC(wall.year, wall.month - 1, wall.day, 0, wall.minute);
    const end = unit === "days" ? Date.UTC(wall.year, wall.month - 1, wall.day + count) : Date.UTC(wall.year, wall.month - 1 + count, 1);
    return at2 + (end - begin);
  }
  var CLOCK_CHANGE = 3 * 60 * MINUTE;
  function bucketsOf(times, granularity) {
    const slack = minutesOf(granularity) === void 0 ? CLOCK_CHANGE : 0;
    const buckets = [];
    times.forEach((time, index) => {
      const next = times[index + 1];
      const usual = endOf(time, granularity);
      const start = next === void 0 ? void 0 : Date.parse(next);
      const before = buckets.at(-1);
      const at2 = Date.parse(time);
      buckets.push({
        time,
        at: at2,
        end: start !== void 0 && start <= usual + slack ? start : usual,
        follows: before !== void 0 && before.end === at2,
        wall: wallOf(time)
      });
    });
    return buckets;
  }
  var MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  var WEEKDAYS = "Thu Fri Sat Sun Mon Tue Wed".split(" ");
  function monthName(month) {
    return MONTHS[month - 1] ?? String(month);
  }
  function clock(minute) {
    const two = (n3) => String(n3).padStart(2, "0");
    return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
  }
  function bucketLabel(time, granularity) {
    const wall = wallOf(time);
    const { year, month, day } = wall;
    switch (granularity) {
      case "year":
      case "1y":
        return String(year);
      case "quarter":
        return `Q${Math.ceil(month / 3)} ${year}`;
      case "month":
      case "1M":
        return `${monthName(month)} ${year}`;
      case "week":
      case "1w":
        return `Week of ${day} ${monthName(month)} ${year}`;
      default: {
        const number = dayNumber(wall);
        const date = `${WEEKDAYS[(number % 7 + 7) % 7]} ${day} ${monthName(month)} ${year}`;
        return minutesOf(granularity) === void 0 ? date : `${date}, ${clock(wall.minute)} ${offsetLabel(time)}`;
      }
    }
  }
  function offsetLabel(time) {
    const offset = /([+-])(\d\d:\d\d)$/.exec(time);
    return offset === null || offset[2] === "00:00" ? "UTC" : `UTC${offset[1] === "-" ? "−" : "+"}${offset[2]}`;
  }

  // src/chart/series.ts
  var COLORS = 8;
  function groupLabel(values) {
    return values.map((value) => value === null ? "∅" : value === "" ? "“”" : value).join(" · ");
  }
  function valueOf(row, measure) {
    return row?.[measure] ?? null;
  }
  function compared(row, measure) {
    const compare = row?.["compare"];
    return compare !== null && typeof compare === "object" && !Array.isArray(compare) ? compare[measure] ?? null : null;
  }
  function approx(value) {
    if (!(value instanceof Decimal)) {
      return null;
    }
    const number = value.approx();
    return Number.isFinite(number) ? number : null;
  }
  function chartData(answer, dimensions, measure) {
    const times = /* @__PURE__ */ new Set();
    const groups = /* @__PURE__ */ new Map();
    for (const row of answer.rows) {
      const values = dimensions.map((dimension) => row[dimension]);
      const key2 = JSON.stringify(values);
      let group = groups.get(key2);
      if (group === void 0) {
        group = { values, rows: /* @__PURE__ */ new Map() };
        groups.set(key2, group);
      }
      times.add(String(row["time"]));
      group.rows.set(String(row["time"]), row);
    }
    const other = /* @__PURE__ */ new Map();
    for (const row of answer.other ?? []) {
      times.add(String(row["time"]));
      other.set(String(row["time"]), row);
    }
    const ordered = [...times].sort((a5, b3) => Date.parse(a5) - Date.parse(b3));
    const size = (rows) => [...rows.values()].reduce((sum, row) => sum + Math.abs(approx(valueOf(row, measure)) ?? 0), 0);
    const largest = [...groups].map(([key2, group]) => ({ key: key2, ...group, size: size(group.rows) })).sort((a5, b3) => b3.size - a5.size);
    const series = largest.map(({ key: key2, values, rows }, index) => ({
      key: key2,
      label: dimensions.length === 0 ? answer.metric : groupLabel(values),
      group: dimensions.length === 0 ? void 0 : Object.fromEntries(dimensions.map((dimension, n3) => [dimension, values[n3] ?? null])),
      kind: dimensions.length === 0 ? "all" : "group",
      color: index % COLORS + 1,
      rows: ordered.map((time) => rows.get(time))
    }));
    if (other.size > 0) {
      const rows = ordered.map((time) => other.get(time));
      series.push({ key: "other", label: "Other", group: void 0, kind: "other", color: 0, rows });
    }
    return {
      buckets: bucketsOf(ordered, answer.granularity),
      series,
      granularity: answer.granularity,
      openBucket: answer.provenance.open_bucket
    };
  }

  // src/chart/table.tsx
  function AnswerTable({ answer, groupBy, caption, onPick }) {
    const columns = answer.columns.flatMap((column) => {
      const { name } = column;
      const number = isNumber(column);
      const own = {
        key: name,
        title: name,
        number,
        render: (row) => /* @__PURE__ */ a4(Cell, { answer, groupBy, row, column, onPick })
      };
      return isMeasure(column, groupBy) && answer.compare !== void 0 ? [own, { key: `${name}:compare`, title: "earlier", number, render: (row) => earlier(row, name) }] : [own];
    });
    const rest = answer.other ?? [];
    return /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4(
        Table,
        {
          caption,
          columns,
          rows: [...answer.rows, ...rest],
          rowKey: (_4, index) => String(index),
          foot: answer.totals && /* @__PURE__ */ a4(Totals, { answer, groupBy, totals: answer.totals })
        }
      ),
      /* @__PURE__ */ a4("p", { class: "table-count muted", children: String(answer.rows.length) === answer.total_rows.text ? plural(answer.total_rows, "row") : `${digits(answer.rows.length)} of ${plural(answer.total_rows, "row")}` })
    ] });
  }
  function isMeasure({ name }, groupBy) {
    return name !== "time" && !groupBy.includes(name);
  }
  function Cell({ answer, groupBy, row, column, onPick }) {
    const { name } = column;
    const value = row[name];
    if (name === "time") {
      return /* @__PURE__ */ a4("time", { dateTime: String(value), children: bucketLabel(String(value), answer.granularity) });
    }
    if (isMeasure(column, groupBy)) {
      return /* @__PURE__ */ a4($, { children: cell(value) });
    }
    if (value === void 0) {
      return /* @__PURE__ */ a4("span", { class: "muted", children: "Other" });
    }
    const label = value === null ? "∅" : String(value);
    return onPick === void 0 ? /* @__PURE__ */ a4($, { children: label }) : /* @__PURE__ */ a4(
      "button",
      {
        type: "button",
        class: "cell-pick",
        title: `${label}: click to filter, Alt and click to exclude`,
        onClick: (event) => onPick({ [name]: value }, event.altKey),
        children: label
      }
    );
  }
  function earlier(row, name) {
    return /* @__PURE__ */ a4("span", { class: "muted", children: cell(compared(row, name)) });
  }
  function Totals({ answer, groupBy, totals }) {
    return /* @__PURE__ */ a4("tr", { children: answer.columns.flatMap((column, index) => {
      const { name } = column;
      const number = isNumber(column);
      const measure = isMeasure(column, groupBy);
      const text2 = measure ? cell(totals[name]) : index === 0 ? "All" : "";
      const own = /* @__PURE__ */ a4("td", { class: number ? "number" : void 0, children: text2 }, name);
      return measure && answer.compare !== void 0 ? [
        own,
        /* @__PURE__ */ a4("td", { class: "number muted", children: cell(compared(totals, name)) }, `${name}:compare`)
      ] : [own];
    }) });
  }

  // src/chart/approximate.tsx
  function Approximate({ error }) {
    return /* @__PURE__ */ a4("span", { class: "approximate", children: /* @__PURE__ */ a4(Tooltip, { text: `An estimate: its error is about ${error} (one standard deviation).`, children: [
      "± ",
      error
    ] }) });
  }

  // src/exact.ts
  var PLACES_MAX = 400;
  function scaled(text2) {
    const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text2);
    if (parts === null) {
      return void 0;
    }
    const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
    const places = fraction.length - Number(exponent);
    if (Math.abs(places) > PLACES_MAX) {
      return void 0;
    }
    const digits2 = BigInt(sign + whole + fraction);
    return places >= 0 ? { whole: digits2, places } : { whole: digits2 * 10n ** BigInt(-places), places: 0 };
  }
  function change(now, before) {
    if (!(now instanceof Decimal) || !(before instanceof Decimal)) {
      return void 0;
    }
    const [a5, b3] = [scaled(now.text), scaled(before.text)];
    if (a5 === void 0 || b3 === void 0 || b3.whole <= 0n) {
      return void 0;
    }
    const places = BigInt(Math.max(a5.places, b3.places));
    const left = a5.whole * 10n ** (places - BigInt(a5.places));
    const right = b3.whole * 10n ** (places - BigInt(b3.places));
    const difference = left - right;
    const size = difference < 0n ? -difference : difference;
    const tenths = (size * 2000n + right) / (2n * right);
    const sign = tenths === 0n ? "" : difference < 0n ? "−" : "+";
    return {
      text: `${sign}${tenths / 10n}.${tenths % 10n} %`,
      direction: difference === 0n ? 0 : difference < 0n ? -1 : 1
    };
  }

  // src/chart/bars.tsx
  function GroupBars({ answer, groupBy, measure, onPick }) {
    const rows = [...answer.rows].sort(
      (a5, b3) => (approx(valueOf(b3, measure)) ?? -1e308) - (approx(valueOf(a5, measure)) ?? -1e308)
    );
    const all = [...rows, ...answer.other ?? []];
    const values = all.map((row) => approx(valueOf(row, measure)) ?? 0);
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    const scale = (value) => (value - low) / (high - low || 1) * 100;
    const bar = (row) => {
      const value = approx(valueOf(row, measure)) ?? 0;
      const from = scale(Math.min(0, value));
      return { left: `${from}%`, width: `${scale(Math.max(0, value)) - from}%` };
    };
    return /* @__PURE__ */ a4("ul", { class: "group-bars", "aria-label": `${measure} by ${groupBy.join(" and ")}`, children: [
      rows.map((row) => {
        const group = Object.fromEntries(
          groupBy.map((dimension) => [dimension, row[dimension]])
        );
        const label = groupLabel(Object.values(group));
        return /* @__PURE__ */ a4("li", { children: /* @__PURE__ */ a4(
          "button",
          {
            type: "button",
            class: "group-bar",
            disabled: onPick === void 0,
            title: onPick && `${label}: click to filter, Alt and click to exclude`,
            onClick: (event) => onPick?.(group, event.altKey),
            children: [
              /* @__PURE__ */ a4("span", { class: "group-fill", style: bar(row) }),
              /* @__PURE__ */ a4("span", { class: "group-label", children: label }),
              /* @__PURE__ */ a4(Amount, { row, measure })
            ]
          }
        ) }, JSON.stringify(Object.values(group)));
      }),
      (answer.other ?? []).map((row) => /* @__PURE__ */ a4("li", { children: /* @__PURE__ */ a4("div", { class: "group-bar other", children: [
        /* @__PURE__ */ a4("span", { class: "group-fill", style: bar(row) }),
        /* @__PURE__ */ a4("span", { class: "group-label", children: "Other" }),
        /* @__PURE__ */ a4(Amount, { row, measure })
      ] }) }, "other"))
    ] });
  }
  function Amount({ row, measure }) {
    const changed = change(valueOf(row, measure), compared(row, measure));
    return /* @__PURE__ */ a4("span", { class: "group-value", children: [
      cell(valueOf(row, measure)),
      row["compare"] !== void 0 && /* @__PURE__ */ a4("span", { class: "group-change", children: changed?.text })
    ] });
  }

  // src/chart/scale.ts
  function linear([from, to], [start, end]) {
    const extent = to - from;
    const scale = (value) => extent === 0 ? (start + end) / 2 : start + (value - from) / extent * (end - start);
    return Object.assign(scale, {
      invert: (pixel) => end === start ? from : from + (pixel - start) / (end - start) * extent
    });
  }

  // src/chart/stack.ts
  function stack(series) {
    const up = [];
    const down = [];
    return series.map(
      (values) => values.map((value, index) => {
        if (value === null) {
          return null;
        }
        const pile = value < 0 ? down : up;
        const from = pile[index] ?? 0;
        pile[index] = from + value;
        return [from, from + value];
      })
    );
  }
  function extentOf(spans) {
    let low = 0;
    let high = 0;
    for (const span of spans) {
      if (span !== null) {
        low = Math.min(low, span[0], span[1]);
        high = Math.max(high, span[0], span[1]);
      }
    }
    return [low, high];
  }

  // src/chart/ticks.ts
  function valueTicks(low, high, count, whole = false) {
    if (!Number.isFinite(low) || !Number.isFinite(high)) {
      return [];
    }
    const extent = high > low ? high - low : Math.abs(high) || 1;
    let exponent = Math.floor(Math.log10(extent / count));
    const rough = extent / count / 10 ** exponent;
    let factor = rough <= 1 ? 1 : rough <= 2 ? 2 : rough <= 5 ? 5 : 10;
    if (factor === 10) {
      factor = 1;
      exponent += 1;
    }
    if (whole && exponent < 0) {
      factor = 1;
      exponent = 0;
    }
    const first = Math.floor(scaled2(low, -exponent) / factor + 1e-9);
    const last = Math.ceil(scaled2(high, -exponent) / factor - 1e-9);
    const ticks = [];
    for (let n3 = first; n3 <= Math.max(last, first + 1); n3 += 1) {
      ticks.push({ value: scaled2(n3 * factor, exponent), label: powerLabel(n3 * factor, exponent) });
    }
    return ticks;
  }
  function scaled2(value, exponent) {
    return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;
  }
  var SUFFIXES = [
    [12, "T"],
    [9, "G"],
    [6, "M"],
    [3, "k"]
  ];
  function powerLabel(whole, exponent) {
    if (whole === 0) {
      return "0";
    }
    const size = exponent + String(Math.abs(whole)).length - 1;
    if (size >= 15 || size < -6) {
      const zeros = /0*$/.exec(String(whole))?.[0].length ?? 0;
      return `${digits(String(whole / 10 ** zeros))}e${exponent + zeros}`;
    }
    const [power, suffix] = size >= 4 && SUFFIXES.find(([p5]) => size >= p5) || [0, ""];
    return digits(shifted(whole, exponent - power)) + suffix;
  }
  function shifted(whole, exponent) {
    const sign = whole < 0 ? "-" : "";
    const text2 = String(Math.abs(whole));
    if (exponent >= 0) {
      return sign + text2 + "0".repeat(exponent);
    }
    const padded = text2.padStart(1 - exponent, "0");
    const fraction = padded.slice(exponent).replace(/0+$/, "");
    return sign + padded.slice(0, exponent) + (fraction === "" ? "" : `.${fraction}`);
  }
  var WEEK_OF_MONDAYS = 4;
  var months = (wall) => wall.year * 12 + wall.month - 1;
  var monday = (wall) => Math.floor((dayNumber(wall) - WEEK_OF_MONDAYS) / 7);
  function minutesStep(minutes) {
    return {
      minutes,
      unit: (wall) => dayNumber(wall) * 1440 + Math.floor(wall.minute / minutes),
      begins: (wall) => wall.minute % minutes === 0
    };
  }
  function daysStep(days, unit, first) {
    return { minutes: days * 1440, unit, begins: (wall) => wall.minute === 0 && first(wall) };
  }
  function monthsStep(count) {
    return daysStep(
      28 * count,
      (wall) => Math.floor(months(wall) / count),
      (wall) => wall.day === 1 && months(wall) % count === 0
    );
  }
  function weeksStep(count) {
    return daysStep(
      7 * count,
      (wall) => Math.floor(monday(wall) / count),
      (wall) => (dayNumber(wall) - WEEK_OF_MONDAYS) % (7 * count) === 0
    );
  }
  var STEPS = [
    ...[1, 5, 10, 15, 30, 60, 120, 180, 360, 720].map(minutesStep),
    daysStep(1, dayNumber, () => true),
    daysStep(2, (wall) => Math.floor(dayNumber(wall) / 2), (wall) => dayNumber(wall) % 2 === 0),
    weeksStep(1),
    weeksStep(2),
    ...[1, 3, 6, 12, 24, 60, 120, 240, 600].map(monthsStep)
  ];
  function timeTicks(buckets, granularity, most) {
    const shortest = minutesOf(granularity) ?? 1440;
    const room = Math.max(most, 1);
    let [found, minutes] = [firstAndLast(buckets), shortest];
    for (const step of STEPS.filter((step2) => step2.minutes >= shortest)) {
      const next = beginnings(buckets, step);
      if (next.length < 2) {
        break;
      }
      [found, minutes] = [next, step.minutes];
      if (found.length <= room) {
        break;
      }
    }
    const every = Math.ceil(found.length / room);
    return found.filter((_4, at2) => at2 % every === 0).map((index) => ({ index, ...tickLabel(buckets[index].wall, minutes) }));
  }
  function firstAndLast(buckets) {
    return buckets.length < 2 ? [...buckets.keys()] : [0, buckets.length - 1];
  }
  function beginnings(buckets, step) {
    const found = [];
    let before;
    buckets.forEach((bucket, index) => {
      const begins = before === void 0 ? step.begins(bucket.wall) : step.unit(bucket.wall) !== step.unit(before.wall) && (bucket.follows || step.begins(bucket.wall));
      if (begins) {
        found.push(index);
      }
      before = bucket;
    });
    return found;
  }
  function tickLabel(wall, step) {
    const { year, month, day, minute } = wall;
    if (step < 1440 && minute !== 0) {
      return { label: clock(minute), major: false };
    }
    if (step < 28 * 1440) {
      return month === 1 && day === 1 ? { label: String(year), major: true } : { label: `${day} ${monthName(month)}`, major: step < 1440 || day === 1 };
    }
    return month === 1 ? { label: String(year), major: true } : { label: step >= 28 * 12 * 1440 ? `${monthName(month)} ${year}` : monthName(month), major: false };
  }

  // src/chart/layout.ts
  var TOP = 10;
  var BOTTOM = 24;
  var RIGHT = 10;
  var CHARACTER = 7.2;
  var TICK_WIDTH = 84;
  var TICK_HEIGHT = 52;
  function middle(layout, data, index) {
    const bucket = data.buckets[index];
    return bucket === void 0 ? 0 : layout.x((bucket.at + bucket.end) / 2);
  }
  function bucketAt(layout, data, pixel) {
    const at2 = layout.x.invert(pixel);
    let best;
    let nearest = Number.POSITIVE_INFINITY;
    data.buckets.forEach((bucket, index) => {
      const distance = at2 < bucket.at ? bucket.at - at2 : at2 >= bucket.end ? at2 - bucket.end + 1 : 0;
      if (distance < nearest) {
        nearest = distance;
        best = index;
      }
    });
    return best;
  }
  function isPiled(kind) {
    return kind === "stacked" || kind === "bar";
  }
  function layoutOf({ data, measure, kind, size, whole }) {
    const values = data.series.map((series) => valuesOf(series, measure));
    const earlier2 = data.series.map((series) => series.rows.map((row) => approx(compared(row, measure))));
    const spans = isPiled(kind) ? stack(values) : values.map((row) => row.map((value) => value === null ? null : [0, value]));
    const [low, high] = extentOf([
      ...spans.flat(),
      ...earlier2.flat().map((value) => value === null ? null : [0, value])
    ]);
    const yTicks = valueTicks(low, high, Math.max(2, Math.round(size.height / TICK_HEIGHT)), whole);
    const step = (yTicks[1]?.value ?? 1) - (yTicks[0]?.value ?? 0);
    const foot = low < 0 ? Math.max(yTicks[0]?.value ?? low, low - step / 4) : 0;
    const shownTicks = yTicks.filter(({ value }) => value >= foot);
    const left = 8 + CHARACTER * Math.max(1, ...shownTicks.map((tick) => tick.label.length));
    const right = Math.max(left + 20, size.width - RIGHT);
    const bottom = size.height - BOTTOM;
    const first = data.buckets[0]?.at ?? 0;
    const last = data.buckets.at(-1)?.end ?? 1;
    const most = Math.max(2, Math.floor((right - left) / TICK_WIDTH));
    return {
      size,
      left,
      right,
      top: TOP,
      bottom,
      x: linear([first, last], [left, right]),
      y: linear([foot, yTicks.at(-1)?.value ?? 1], [bottom, TOP]),
      valueTicks: shownTicks,
      timeTicks: timeTicks(data.buckets, data.granularity, most),
      spans,
      compared: earlier2
    };
  }
  function valuesOf(series, measure) {
    return series.rows.map((row) => approx(valueOf(row, measure)));
  }
  function seriesAt(layout, piled, index, pixel) {
    const REACH = 24;
    let best;
    let nearest = REACH;
    layout.spans.forEach((spans, at2) => {
      const span = spans[index];
      if (span === null || span === void 0) {
        return;
      }
      const [from, to] = [layout.y(span[0]), layout.y(span[1])];
      const inside = pixel >= Math.min(from, to) && pixel <= Math.max(from, to);
      const distance = piled && inside ? 0 : Math.abs(pixel - to);
      if (distance < nearest) {
        nearest = distance;
        best = at2;
      }
    });
    return best;
  }

  // src/chart/paths.ts
  function stretches(points, breaks) {
    const found = [];
    let current;
    points.forEach((point, index) => {
      if (point === null) {
        current = void 0;
        return;
      }
      if (current === void 0 || breaks(index)) {
        current = [];
        found.push([index, current]);
      }
      current.push(point);
    });
    return found;
  }
  function linePath(points, breaks) {
    return stretches(points, breaks).filter(([, stretch]) => stretch.length > 1).map(([, stretch]) => `M${stretch.map(at).join("L")}`).join("");
  }
  function lonely(points, breaks) {
    return stretches(points, breaks).flatMap(([, stretch]) => stretch.length === 1 ? stretch : []);
  }
  function areaPath(spans, x3, y5, breaks) {
    return stretches(spans, breaks).filter(([, stretch]) => stretch.length > 1).map(([start, stretch]) => {
      const edge2 = (side) => stretch.map((span, n3) => at({ x: x3(start + n3), y: y5(span[side]) }));
      return `M${edge2(1).join("L")}L${edge2(0).reverse().join("L")}Z`;
    }).join("");
  }
  function at({ x: x3, y: y5 }) {
    return `${round(x3)},${round(y5)}`;
  }
  function round(pixel) {
    return Math.round(pixel * 10) / 10;
  }

  // src/chart/marks.tsx
  function markClass({ key: key2, color }, pointed) {
    const faded = pointed !== void 0 && pointed !== key2;
    return faded ? `${colorClass(color)} faded` : colorClass(color);
  }
  function colorClass(color) {
    return `series-${color}`;
  }
  function Marks(props) {
    const { data, kind, layout } = props;
    return /* @__PURE__ */ a4("g", { children: [
      /* @__PURE__ */ a4(OpenBucket, { ...props }),
      kind === "bar" ? /* @__PURE__ */ a4(Bars, { ...props }) : /* @__PURE__ */ a4(Lines, { ...props }),
      /* @__PURE__ */ a4("line", { class: "zero", x1: layout.left, x2: layout.right, y1: layout.y(0), y2: layout.y(0) }),
      data.series.map((series, index) => /* @__PURE__ */ a4(Compared, { ...props, series, at: index }, series.key))
    ] });
  }
  function OpenBucket({ data, layout, hatch }) {
    const bucket = data.buckets.find(({ time }) => time === data.openBucket);
    if (bucket === void 0) {
      return null;
    }
    const from = layout.x(bucket.at);
    return /* @__PURE__ */ a4(
      "rect",
      {
        class: "open-bucket",
        x: round(from),
        y: layout.top,
        width: round(Math.max(2, layout.x(bucket.end) - from)),
        height: layout.bottom - layout.top,
        fill: `url(#${hatch})`,
        children: /* @__PURE__ */ a4("title", { children: "This bucket can still grow" })
      }
    );
  }
  function Lines({ data, layout, kind, piled, pointed }) {
    const breaks = (index) => data.buckets[index]?.follows === false;
    const x3 = (index) => middle(layout, data, index);
    return /* @__PURE__ */ a4($, { children: data.series.map((series, at2) => {
      const spans = layout.spans[at2] ?? [];
      const points = spans.map((span, index) => pointOf(span, x3(index), layout));
      const filled = kind === "area" || piled;
      return /* @__PURE__ */ a4("g", { class: markClass(series, pointed), children: [
        filled && /* @__PURE__ */ a4("path", { class: piled ? "area piled" : "area", d: areaPath(spans, x3, layout.y, breaks) }),
        /* @__PURE__ */ a4("path", { class: "line", d: linePath(points, breaks) }),
        lonely(points, breaks).map((point) => /* @__PURE__ */ a4("circle", { class: "dot", cx: round(point.x), cy: round(point.y), r: "2.5" }, point.x))
      ] }, series.key);
    }) });
  }
  function pointOf(span, x3, layout) {
    return span === null ? null : { x: x3, y: layout.y(span[1]) };
  }
  var GAP = 1;
  function Bars({ data, layout, hatch, pointed }) {
    return /* @__PURE__ */ a4($, { children: data.series.map((series, at2) => /* @__PURE__ */ a4("g", { class: markClass(series, pointed), children: (layout.spans[at2] ?? []).map((span, index) => {
      const bucket = data.buckets[index];
      if (span === null || bucket === void 0 || span[0] === span[1]) {
        return null;
      }
      const [from, to] = [layout.x(bucket.at), layout.x(bucket.end)];
      const room = to - from > 4 ? to - from - GAP * (to - from > 12 ? 3 : 1) : to - from;
      const [top, foot] = [layout.y(Math.max(...span)), layout.y(Math.min(...span))];
      const shape2 = {
        x: round(from + (to - from - room) / 2),
        y: round(top),
        width: round(Math.max(0.8, room)),
        height: round(Math.max(0.5, foot - top))
      };
      return /* @__PURE__ */ a4("g", { children: [
        /* @__PURE__ */ a4("rect", { class: "bar", ...shape2 }),
        bucket.time === data.openBucket && /* @__PURE__ */ a4("rect", { ...shape2, fill: `url(#${hatch})` })
      ] }, bucket.time);
    }) }, series.key)) });
  }
  function Compared({ data, layout, piled, series, at: at2, pointed }) {
    const values = layout.compared[at2] ?? [];
    if (piled && data.series.length > 1) {
      return null;
    }
    const breaks = (index) => data.buckets[index]?.follows === false;
    const points = values.map(
      (value, index) => value === null ? null : { x: middle(layout, data, index), y: layout.y(value) }
    );
    return /* @__PURE__ */ a4("path", { class: `compared ${markClass(series, pointed)}`, d: linePath(points, breaks) });
  }

  // src/chart/legend.tsx
  function Legend({ series, onPick, onPoint }) {
    return /* @__PURE__ */ a4("ul", { class: "legend", "aria-label": "Groups", children: series.map(({ key: key2, label, color, group }) => {
      const content = /* @__PURE__ */ a4($, { children: [
        /* @__PURE__ */ a4("span", { class: `swatch ${colorClass(color)}` }),
        /* @__PURE__ */ a4("span", { class: "legend-label", children: label })
      ] });
      return /* @__PURE__ */ a4(
        "li",
        {
          onMouseEnter: () => onPoint(key2),
          onMouseLeave: () => onPoint(void 0),
          onFocusIn: () => onPoint(key2),
          onFocusOut: () => onPoint(void 0),
          children: group === void 0 || onPick === void 0 ? /* @__PURE__ */ a4("span", { class: "legend-item", children: content }) : /* @__PURE__ */ a4(
            "button",
            {
              type: "button",
              class: "legend-item",
              title: `${label}: click to filter, Alt and click to exclude`,
              onClick: (event) => onPick(group, event.altKey),
              children: content
            }
          )
        },
        key2
      );
    }) });
  }

  // src/chart/number.tsx
  function NumberTile({ row, measure, error, large }) {
    const value = valueOf(row, measure);
    const earlier2 = compared(row, measure);
    const changed = change(value, earlier2);
    return /* @__PURE__ */ a4("div", { class: large ? "number-tile large" : "number-tile", children: [
      /* @__PURE__ */ a4("span", { class: "number-name", children: [
        measure,
        error !== void 0 && /* @__PURE__ */ a4(Approximate, { error })
      ] }),
      /* @__PURE__ */ a4("span", { class: "number-value", children: cell(value) }),
      row?.["compare"] !== void 0 && /* @__PURE__ */ a4("span", { class: "number-compare", children: [
        changed && /* @__PURE__ */ a4("span", { class: "number-change", children: changed.text }),
        " from ",
        cell(earlier2)
      ] })
    ] });
  }

  // src/chart/cursor.tsx
  var LINES = 12;
  function spokenBucket(data, measure, index) {
    const bucket = data.buckets[index];
    if (bucket === void 0) {
      return "no buckets";
    }
    const values = data.series.slice(0, LINES).map((series) => {
      const value = cell(valueOf(series.rows[index], measure));
      return series.kind === "all" ? value : `${series.label} ${value}`;
    }).join(", ");
    const open2 = bucket.time === data.openBucket ? ", can still grow" : "";
    return `${bucketLabel(bucket.time, data.granularity)}: ${values}${open2}`;
  }
  function CursorTip({ data, measure, index, layout }) {
    const bucket = data.buckets[index];
    if (bucket === void 0) {
      return null;
    }
    const x3 = middle(layout, data, index);
    const onLeft = x3 > layout.size.width / 2;
    const place2 = onLeft ? { right: `${layout.size.width - x3 + 12}px` } : { left: `${x3 + 12}px` };
    const shown = data.series.filter((series) => series.rows[index] !== void 0).slice(0, LINES);
    const more = data.series.length - shown.length;
    return /* @__PURE__ */ a4("div", { class: "tip", style: place2, "aria-hidden": "true", children: [
      /* @__PURE__ */ a4("p", { class: "tip-title", children: bucketLabel(bucket.time, data.granularity) }),
      /* @__PURE__ */ a4("table", { children: /* @__PURE__ */ a4("tbody", { children: shown.map((series) => /* @__PURE__ */ a4(TipLine, { series, measure, index }, series.key)) }) }),
      more > 0 && shown.length === LINES && /* @__PURE__ */ a4("p", { class: "muted", children: [
        "and ",
        more,
        " more"
      ] }),
      bucket.time === data.openBucket && /* @__PURE__ */ a4("p", { class: "muted", children: "can still grow" })
    ] });
  }
  function TipLine({ series, measure, index }) {
    const row = series.rows[index];
    const value = valueOf(row, measure);
    const earlier2 = compared(row, measure);
    const changed = change(value, earlier2);
    return /* @__PURE__ */ a4("tr", { children: [
      /* @__PURE__ */ a4("th", { scope: "row", children: [
        /* @__PURE__ */ a4("span", { class: `swatch ${colorClass(series.color)}` }),
        /* @__PURE__ */ a4("span", { class: "tip-label", children: series.label })
      ] }),
      /* @__PURE__ */ a4("td", { class: "number", children: cell(value) }),
      row?.["compare"] !== void 0 && /* @__PURE__ */ a4("td", { class: "number muted", children: [
        cell(earlier2),
        changed && ` (${changed.text})`
      ] })
    ] });
  }

  // src/chart/plot.tsx
  var CLICK = 5;
  function Plot(props) {
    const { data, measure, kind, height, whole, cursor, onCursor, onZoom, onPick, pointed } = props;
    const frame = T2(null);
    const width = useWidth(frame);
    const hatch = P2();
    const layout = w2(
      () => layoutOf({ data, measure, kind, whole, size: { width, height } }),
      [data, measure, kind, whole, width, height]
    );
    const piled = isPiled(kind);
    const [anchor, setAnchor] = d2();
    const pressed = T2(void 0);
    const [dragging, setDragging] = d2(false);
    const at2 = (event) => {
      const box = frame.current?.getBoundingClientRect();
      return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
    };
    const onPointerDown = (event) => {
      const { x: x3, y: y5 } = at2(event);
      const index = bucketAt(layout, data, x3);
      if (event.button === 0 && index !== void 0) {
        pressed.current = { x: x3, y: y5, index };
      }
    };
    const onPointerMove = (event) => {
      const { x: x3 } = at2(event);
      const index = bucketAt(layout, data, x3);
      onCursor(index);
      const start = pressed.current;
      if (start !== void 0 && onZoom !== void 0 && Math.abs(x3 - start.x) > CLICK && !dragging) {
        frame.current?.setPointerCapture(event.pointerId);
        setAnchor(start.index);
        setDragging(true);
      }
    };
    const onPointerUp = (event) => {
      const start = pressed.current;
      pressed.current = void 0;
      const { x: x3, y: y5 } = at2(event);
      const index = bucketAt(layout, data, x3);
      if (dragging) {
        setDragging(false);
        setAnchor(void 0);
        if (anchor !== void 0 && index !== void 0) {
          onZoom?.(Math.min(anchor, index), Math.max(anchor, index));
        }
      } else if (start !== void 0 && index !== void 0) {
        const near = seriesAt(layout, piled, index, y5);
        const series = near === void 0 ? void 0 : data.series[near];
        if (series?.group !== void 0) {
          onPick?.(series, event.altKey);
        }
      }
    };
    const onKeyDown = (event) => {
      const last = data.buckets.length - 1;
      const next = nextCursor(event.key, cursor, last);
      if (next !== void 0) {
        event.preventDefault();
        setAnchor(event.shiftKey ? anchor ?? cursor ?? next : void 0);
        onCursor(next);
      } else if (event.key === "Enter" && anchor !== void 0 && cursor !== void 0) {
        event.preventDefault();
        setAnchor(void 0);
        onZoom?.(Math.min(anchor, cursor), Math.max(anchor, cursor));
      } else if (event.key === "Escape") {
        setAnchor(void 0);
        onCursor(void 0);
      }
    };
    const stop = () => {
      pressed.current = void 0;
      setDragging(false);
      setAnchor(void 0);
    };
    const fixed = w2(
      () => /* @__PURE__ */ a4($, { children: [
        /* @__PURE__ */ a4(Axes, { layout, data }),
        /* @__PURE__ */ a4(Marks, { data, layout, kind, piled, hatch, pointed })
      ] }),
      [data, layout, kind, piled, hatch, pointed]
    );
    const shown = Math.min(cursor ?? data.buckets.length - 1, data.buckets.length - 1);
    return /* @__PURE__ */ a4(
      "div",
      {
        ref: frame,
        class: dragging ? "plot dragging" : "plot",
        role: "slider",
        tabIndex: 0,
        "aria-label": `${measure} over time`,
        "aria-orientation": "horizontal",
        "aria-valuemin": 0,
        "aria-valuemax": Math.max(0, data.buckets.length - 1),
        "aria-valuenow": Math.max(0, shown),
        "aria-valuetext": spokenBucket(data, measure, shown),
        onPointerDown,
        onPointerMove,
        onPointerUp,
        onPointerCancel: stop,
        onPointerLeave: () => !dragging && onCursor(void 0),
        onKeyDown,
        onBlur: () => onCursor(void 0),
        children: [
          /* @__PURE__ */ a4("svg", { width, height, "aria-hidden": "true", children: [
            /* @__PURE__ */ a4("defs", { children: /* @__PURE__ */ a4(
              "pattern",
              {
                id: hatch,
                width: "6",
                height: "6",
                patternUnits: "userSpaceOnUse",
                patternTransform: "rotate(45)",
                children: /* @__PURE__ */ a4("line", { class: "hatch", x1: "0", y1: "0", x2: "0", y2: "6" })
              }
            ) }),
            width > 0 && fixed,
            cursor !== void 0 && data.buckets[cursor] !== void 0 && /* @__PURE__ */ a4(CursorMarks, { data, layout, index: cursor }),
            anchor !== void 0 && cursor !== void 0 && /* @__PURE__ */ a4(Brush, { data, layout, from: anchor, to: cursor })
          ] }),
          cursor !== void 0 && data.buckets[cursor] !== void 0 && /* @__PURE__ */ a4(CursorTip, { data, measure, index: cursor, layout })
        ]
      }
    );
  }
  function nextCursor(key2, cursor, last) {
    switch (key2) {
      case "ArrowRight":
        return cursor === void 0 ? 0 : Math.min(last, cursor + 1);
      case "ArrowLeft":
        return cursor === void 0 ? last : Math.max(0, cursor - 1);
      case "Home":
        return 0;
      case "End":
        return last;
      default:
        return void 0;
    }
  }
  function useWidth(frame) {
    const [width, setWidth] = d2(0);
    A2(() => {
      const element = frame.current;
      if (element === null) {
        return;
      }
      setWidth(element.clientWidth);
      const observer = new ResizeObserver(() => setWidth(element.clientWidth));
      observer.observe(element);
      return () => observer.disconnect();
    }, []);
    return width;
  }
  function Axes({ data, layout }) {
    const { left, right, bottom, y: y5 } = layout;
    return /* @__PURE__ */ a4("g", { class: "axes", children: [
      layout.valueTicks.map(({ value, label }) => /* @__PURE__ */ a4("g", { children: [
        /* @__PURE__ */ a4("line", { class: "grid", x1: left, x2: right, y1: round(y5(value)), y2: round(y5(value)) }),
        /* @__PURE__ */ a4("text", { x: left - 8, y: round(y5(value)), dy: "0.32em", "text-anchor": "end", children: label })
      ] }, label)),
      layout.timeTicks.map(({ index, label, major }) => /* @__PURE__ */ a4(
        "text",
        {
          class: major ? "major" : void 0,
          x: round(clamp(middle(layout, data, index), left + 4, right - 12)),
          y: bottom + 17,
          "text-anchor": "middle",
          children: label
        },
        index
      ))
    ] });
  }
  function clamp(value, low, high) {
    return Math.max(low, Math.min(high, value));
  }
  function CursorMarks({ data, layout, index }) {
    const x3 = round(middle(layout, data, index));
    return /* @__PURE__ */ a4("g", { class: "cursor", children: [
      /* @__PURE__ */ a4("line", { x1: x3, x2: x3, y1: layout.top, y2: layout.bottom }),
      data.series.map((series, at2) => {
        const span = layout.spans[at2]?.[index];
        return span === null || span === void 0 ? null : /* @__PURE__ */ a4(
          "circle",
          {
            class: colorClass(series.color),
            cx: x3,
            cy: round(layout.y(span[1])),
            r: "3.5"
          },
          series.key
        );
      })
    ] });
  }
  function Brush({ data, layout, from, to }) {
    const first = data.buckets[Math.min(from, to)];
    const last = data.buckets[Math.max(from, to)];
    if (first === void 0 || last === void 0) {
      return null;
    }
    const x3 = layout.x(first.at);
    return /* @__PURE__ */ a4(
      "rect",
      {
        class: "brush",
        x: round(x3),
        y: layout.top,
        width: round(layout.x(last.end) - x3),
        height: layout.bottom - layout.top
      }
    );
  }

  // src/chart/view.tsx
  var CHART_KINDS = ["line", "area", "stacked", "bar", "number", "table"];
  function ChartView(props) {
    const { answer, groupBy, chart, onPick } = props;
    const measures = measuresOf(answer, groupBy);
    const timed = answer.columns.some((column) => column.name === "time");
    if (chart === "table") {
      const caption = props.title ?? answer.metric;
      return /* @__PURE__ */ a4(AnswerTable, { answer, groupBy, caption, onPick });
    }
    if (chart === "number" || !timed && groupBy.length === 0) {
      const row = answer.totals ?? (answer.rows.length === 1 ? answer.rows[0] : void 0);
      return /* @__PURE__ */ a4("div", { class: "numbers", children: measures.map(({ name }) => /* @__PURE__ */ a4(
        NumberTile,
        {
          large: true,
          row,
          measure: name,
          error: errorOf(answer.provenance, name)
        },
        name
      )) });
    }
    if (!timed) {
      return /* @__PURE__ */ a4("div", { class: measures.length > 1 ? "panels side" : "panels", children: measures.map(({ name }) => /* @__PURE__ */ a4("section", { class: "panel", children: [
        /* @__PURE__ */ a4(PanelHead, { ...props, measure: name, count: measures.length }),
        /* @__PURE__ */ a4(GroupBars, { answer, groupBy, measure: name, onPick })
      ] }, name)) });
    }
    return /* @__PURE__ */ a4(TimePanels, { ...props, measures });
  }
  function errorOf(provenance, measure) {
    const error = provenance.approximate[measure]?.relative_error;
    return error === void 0 ? void 0 : percent(error);
  }
  var HEIGHT = 300;
  var LOWEST = 130;
  function TimePanels(props) {
    const { answer, groupBy, measures, definition, chart, onPick, onZoom } = props;
    const [cursor, setCursor] = d2();
    const [pointed, setPointed] = d2();
    const first = measures.find(isNumber)?.name ?? "";
    const groups = groupBy.join();
    const data = w2(() => chartData(answer, groupBy, first), [answer, groups, first]);
    const height = Math.max(LOWEST, (props.height ?? HEIGHT) / Math.min(measures.length, 2));
    if (data.buckets.length === 0) {
      return /* @__PURE__ */ a4("p", { class: "no-rows", children: "No events in this range." });
    }
    return /* @__PURE__ */ a4("div", { class: "panels", children: [
      data.series.length > 1 && /* @__PURE__ */ a4(Legend, { series: data.series, onPick, onPoint: setPointed }),
      measures.map((column) => {
        const { name } = column;
        const additive = isAdditive(definition, name);
        const piled = chart === "stacked" || chart === "bar";
        const apart = piled && !additive && data.series.length > 1;
        return /* @__PURE__ */ a4("section", { class: "panel", children: [
          /* @__PURE__ */ a4(PanelHead, { ...props, measure: name, count: measures.length }),
          !isNumber(column) && /* @__PURE__ */ a4("p", { class: "panel-note", children: "Texts: the table shows them." }),
          apart && /* @__PURE__ */ a4("p", { class: "panel-note", children: "Lines, since values of this kind cannot be added up." }),
          isNumber(column) && /* @__PURE__ */ a4(
            Plot,
            {
              data,
              measure: name,
              kind: apart || chart === "number" || chart === "table" ? "line" : chart,
              whole: column.type === "integer",
              height,
              pointed,
              cursor,
              onCursor: setCursor,
              onZoom: onZoom && ((from, to) => zoom(data, from, to, onZoom)),
              onPick: onPick && ((series, exclude) => series.group && onPick(series.group, exclude))
            }
          )
        ] }, name);
      })
    ] });
  }
  function zoom(data, from, to, onZoom) {
    const [first, last] = [data.buckets[from], data.buckets[to]];
    const next = data.buckets[to + 1];
    if (first !== void 0 && last !== void 0) {
      const end = next?.follows ? next.time : new Date(last.end).toISOString();
      onZoom(first.time, end);
    }
  }
  function PanelHead({ answer, measure, count, bare }) {
    const error = errorOf(answer.provenance, measure);
    if (bare && count < 2) {
      return null;
    }
    if (answer.totals !== void 0 && valueOf(answer.totals, measure) !== void 0) {
      return /* @__PURE__ */ a4(NumberTile, { row: answer.totals, measure, error });
    }
    return /* @__PURE__ */ a4("h2", { class: "panel-title", children: [
      measure,
      error !== void 0 && /* @__PURE__ */ a4(Approximate, { error })
    ] });
  }

  // src/provenance.tsx
  function ProvenanceLine({ answer, query }) {
    const [open2, setOpen] = d2(false);
    const { provenance } = answer;
    const parts = lineOf(provenance);
    return /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4(
        "button",
        {
          type: "button",
          class: provenance.complete ? "provenance" : "provenance incomplete",
          title: "What this answer is made of",
          onClick: () => setOpen(true),
          children: parts.join(" · ")
        }
      ),
      open2 && /* @__PURE__ */ a4(Dialog, { title: "What this answer is made of", wide: true, onClose: () => setOpen(false), children: [
        /* @__PURE__ */ a4(Details, { answer }),
        query !== void 0 && /* @__PURE__ */ a4(Explain, { query })
      ] })
    ] });
  }
  function lineOf(provenance) {
    const { speed, approximate } = provenance;
    return [
      provenance.complete ? "complete" : `incomplete: ${provenance.missing.join(", ") || "behind"}`,
      `through ${position(speed.through)}`,
      `${duration(speed.lag_ms)} behind`,
      `generation ${provenance.generation}`,
      ...Object.entries(approximate).map(
        ([measure, { relative_error }]) => relative_error === void 0 ? `${measure} estimated` : `${measure} ± ${percent(relative_error)}`
      )
    ];
  }
  function position(through) {
    return Object.entries(through).map(([partition, offset]) => `${partition}:${offset}`).join(",");
  }
  function Details({ answer }) {
    const { provenance, warnings = [] } = answer;
    const { batch, speed, approximate } = provenance;
    return /* @__PURE__ */ a4("dl", { class: "facts", children: [
      /* @__PURE__ */ a4(Fact, { name: "Complete", children: provenance.complete ? "yes: nothing below the position is missing" : "no" }),
      provenance.missing.length > 0 && /* @__PURE__ */ a4(Fact, { name: "Missing", children: provenance.missing.join("; ") }),
      /* @__PURE__ */ a4(Fact, { name: "Batch view", children: [
        plural(batch.events, "event"),
        ", published ",
        dateTime(batch.published_at),
        ", generation",
        " ",
        digits(provenance.generation)
      ] }),
      /* @__PURE__ */ a4(Fact, { name: "Speed view", children: [
        plural(speed.events, "event"),
        ", ",
        duration(speed.lag_ms),
        " behind",
        speed.behind_events.text !== "0" && `, ${plural(speed.behind_events, "event")} not in yet`
      ] }),
      /* @__PURE__ */ a4(Fact, { name: "Position", children: [
        "through ",
        position(speed.through),
        ": every event below is in the answer, none from it on",
        speed.reach && `; of those up to ${position(speed.reach)} some are`
      ] }),
      /* @__PURE__ */ a4(Fact, { name: "Metric", children: [
        answer.metric,
        ", version ",
        digits(provenance.metric_version)
      ] }),
      /* @__PURE__ */ a4(Fact, { name: "Range", children: [
        answer.from === null ? "open" : dateTime(answer.from),
        " to",
        " ",
        answer.to === null ? "open" : dateTime(answer.to),
        ", ",
        answer.timezone.replaceAll("_", " ")
      ] }),
      answer.compare && /* @__PURE__ */ a4(Fact, { name: "Compared with", children: [
        dateTime(answer.compare.from),
        " to ",
        dateTime(answer.compare.to)
      ] }),
      provenance.open_bucket && /* @__PURE__ */ a4(Fact, { name: "Can still grow", children: [
        "the bucket of ",
        dateTime(provenance.open_bucket)
      ] }),
      provenance.partial_buckets.map((part) => /* @__PURE__ */ a4(Fact, { name: "Cut bucket", children: [
        dateTime(part.time),
        ": only ",
        dateTime(part.from),
        " to ",
        dateTime(part.to),
        " was asked for"
      ] }, part.time)),
      Object.entries(approximate).map(([measure, { method, relative_error }]) => /* @__PURE__ */ a4(Fact, { name: measure, children: [
        "an estimate",
        method && ` (${method})`,
        relative_error && `, relative error about ${percent(relative_error)}`
      ] }, measure)),
      warnings.map((warning) => /* @__PURE__ */ a4(Fact, { name: "Warning", children: warning }, warning))
    ] });
  }
  function Fact({ name, children }) {
    return /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4("dt", { children: name }),
      /* @__PURE__ */ a4("dd", { children })
    ] });
  }
  function Explain({ query }) {
    const url = `/v1/query:explain?${query}`;
    const found = useFetched(url, (signal) => get(url, signal));
    if (found.problem) {
      return /* @__PURE__ */ a4(ProblemView, { problem: found.problem });
    }
    if (found.value === void 0) {
      return /* @__PURE__ */ a4(Loading, { label: "Explaining" });
    }
    const { batch, speed, elapsed_ms, merge_ms, cached, rows, groups } = found.value;
    const figures = [
      elapsed_ms && `${duration(elapsed_ms)} in all`,
      merge_ms && `${duration(merge_ms)} to merge`,
      rows && plural(rows, "row"),
      groups && plural(groups, "group"),
      cached && "from the cache"
    ].filter(Boolean);
    const pieces = [
      ...(batch?.pieces ?? []).map((piece) => ({ layer: "batch", ...piece })),
      ...speed === void 0 ? [] : [{ layer: "speed", ...speed }]
    ];
    const names = [...new Set(pieces.flatMap((piece) => Object.keys(piece)))];
    const columns = names.map((name) => ({
      key: name,
      title: name.replaceAll("_", " "),
      number: pieces.some((piece) => piece[name] instanceof Decimal),
      render: (piece) => pieceCell(name, piece[name])
    }));
    return /* @__PURE__ */ a4("section", { children: [
      /* @__PURE__ */ a4("h3", { children: "Explained" }),
      /* @__PURE__ */ a4("p", { class: "muted", children: figures.join(" · ") }),
      /* @__PURE__ */ a4(
        Table,
        {
          caption: "Pieces of the plan",
          columns,
          rows: pieces,
          rowKey: (_4, index) => String(index)
        }
      )
    ] });
  }
  function pieceCell(name, value) {
    if (value === void 0 || value === null) {
      return "";
    }
    if (value instanceof Decimal) {
      return name.endsWith("_ms") ? duration(value) : name.startsWith("bytes") ? bytes(value) : digits(value);
    }
    if (typeof value === "boolean") {
      return value ? "yes" : "no";
    }
    return typeof value === "string" ? dateTime(value) : "";
  }

  // src/explore/asking.ts
  var START2 = { answer: void 0, query: "", problem: void 0, loading: false };
  function useAnswer(query, live) {
    const [state, setState] = d2(START2);
    const [round2, setRound] = d2(0);
    const shown = T2("");
    A2(() => {
      if (query === "") {
        setState(START2);
        return;
      }
      const url = `/v1/query?${query}`;
      const take = (answer) => {
        shown.current = query;
        setState({ answer, query, problem: void 0, loading: false });
      };
      const fail = (problem) => {
        setState((before) => ({
          ...before,
          answer: shown.current === query ? before.answer : void 0,
          problem,
          loading: false
        }));
      };
      setState((before) => ({ ...before, loading: true }));
      if (live) {
        return follow(url, { onValue: take, onProblem: fail });
      }
      const control = new AbortController();
      get(url, control.signal).then(
        (answer) => !control.signal.aborted && take(answer),
        (error) => !isAbort(error) && !control.signal.aborted && fail(asProblem(error))
      );
      return () => control.abort();
    }, [query, live, round2]);
    return { ...state, again: () => setRound((n3) => n3 + 1) };
  }

  // src/explore/filter.ts
  var TOKEN = /\s*(?:([A-Za-z_][\w.]*)|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|(<>|!=|<=|>=|[^\s]))/y;
  function tokensOf(sql) {
    const tokens = [];
    TOKEN.lastIndex = 0;
    for (; ; ) {
      const found = TOKEN.exec(sql);
      if (found === null) {
        break;
      }
      const [all, word, quoted, text2, mark] = found;
      const to = TOKEN.lastIndex;
      const raw = all.trimStart();
      const base = { raw, from: to - raw.length, to };
      if (word !== void 0) {
        tokens.push({ type: "word", value: word.toUpperCase(), ...base });
      } else if (quoted !== void 0) {
        tokens.push({ type: "quoted", value: quoted.replaceAll('""', '"'), ...base });
      } else if (text2 !== void 0) {
        tokens.push({ type: "text", value: text2.replaceAll("''", "'"), ...base });
      } else {
        tokens.push({ type: "mark", value: mark ?? "", ...base });
      }
    }
    const end = tokens.at(-1)?.to ?? 0;
    const broken = tokens.some(({ type, value }) => type === "mark" && (value === "'" || value === '"'));
    return sql.slice(end).trim() === "" && !broken ? tokens : void 0;
  }
  function parseFilter(sql) {
    if (sql.trim() === "") {
      return [];
    }
    const tokens = tokensOf(sql);
    const parts = tokens && conjuncts(tokens);
    if (parts === void 0) {
      return [{ kind: "text", text: sql.trim() }];
    }
    return parts.map(
      (part) => valuesOf2(part) ?? { kind: "text", text: sql.slice(part[0]?.from, part.at(-1)?.to) }
    );
  }
  function conjuncts(tokens) {
    const parts = [[]];
    let depth = 0;
    for (const token of tokens) {
      const word = token.type === "word" ? token.value : "";
      if (token.type === "mark") {
        depth += token.value === "(" ? 1 : token.value === ")" ? -1 : 0;
      }
      if (depth < 0 || depth === 0 && (word === "OR" || word === "BETWEEN" || word === "CASE")) {
        return void 0;
      }
      if (depth === 0 && word === "AND") {
        parts.push([]);
      } else {
        parts.at(-1)?.push(token);
      }
    }
    return depth === 0 && parts.every((part) => part.length > 0) ? parts : void 0;
  }
  function valuesOf2(tokens) {
    if (!shape(tokens).endsWith(" OR NAME IS NULL )") || tokens[0]?.value !== "(") {
      return plainValues(tokens);
    }
    const simple = plainValues(tokens.slice(1, -5));
    if (simple === void 0 || simple.dimension !== nameOf(tokens.at(-4))) {
      return void 0;
    }
    const values = simple.values.filter((value) => value !== null);
    return { ...simple, values: simple.exclude ? values : [...values, null] };
  }
  function plainValues(tokens) {
    const dimension = nameOf(tokens[0]);
    if (dimension === void 0) {
      return void 0;
    }
    const texts = tokens.filter(({ type }) => type === "text").map(({ value }) => value);
    const base = { kind: "values", dimension };
    switch (shape(tokens).replace(/TEXT(?: , TEXT)+/, "TEXT")) {
      case "NAME = TEXT":
        return texts.length === 1 ? { ...base, exclude: false, values: texts } : void 0;
      case "NAME <> TEXT":
      case "NAME != TEXT":
        return texts.length === 1 ? { ...base, exclude: true, values: [...texts, null] } : void 0;
      case "NAME IN ( TEXT )":
        return { ...base, exclude: false, values: texts };
      case "NAME NOT IN ( TEXT )":
        return { ...base, exclude: true, values: [...texts, null] };
      case "NAME IS NULL":
        return { ...base, exclude: false, values: [null] };
      case "NAME IS NOT NULL":
        return { ...base, exclude: true, values: [null] };
      default:
        return void 0;
    }
  }
  var KEYWORDS = new Set(
    `ALL AND ANY AS ASC BETWEEN BY CASE CAST DESC DISTINCT ELSE END ESCAPE EXISTS FALSE FROM GROUP HAVING ILIKE
  IN INTERVAL IS LIKE LIMIT NOT NULL OFFSET ON OR ORDER SELECT SIMILAR SOME TABLE THEN TRUE UNION UNKNOWN
  VALUES WHEN WHERE WITH`.split(/\s+/)
  );
  function shape(tokens) {
    return tokens.map(({ type, value }) => {
      switch (type) {
        case "text":
          return "TEXT";
        case "quoted":
          return "NAME";
        case "word":
          return KEYWORDS.has(value) ? value : "NAME";
        default:
          return value;
      }
    }).join(" ");
  }
  function nameOf(token) {
    if (token?.type === "quoted") {
      return token.value;
    }
    return token?.type === "word" && !KEYWORDS.has(token.value) ? token.raw.toLowerCase() : void 0;
  }
  function sqlName(name) {
    return /^[a-z_][a-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toUpperCase()) ? name : `"${name.replaceAll('"', '""')}"`;
  }
  function sqlText(value) {
    return `'${value.replaceAll("'", "''")}'`;
  }
  function writeFilter(chips) {
    return chips.map((chip) => chip.kind === "text" ? bracketed(chip.text, chips.length) : valuesSql(chip)).filter((sql) => sql !== "").join(" AND ");
  }
  function bracketed(text2, chips) {
    const tokens = tokensOf(text2);
    return chips > 1 && (tokens === void 0 || conjuncts(tokens) === void 0) ? `(${text2})` : text2;
  }
  function valuesSql({ dimension, exclude, values }) {
    const name = sqlName(dimension);
    const texts = values.filter((value) => value !== null).map(sqlText);
    const withNull = values.includes(null);
    if (texts.length === 0) {
      return withNull ? `${name} IS ${exclude ? "NOT " : ""}NULL` : "";
    }
    const list = `(${texts.join(", ")})`;
    const some = exclude ? texts.length === 1 ? `${name} <> ${texts[0]}` : `${name} NOT IN ${list}` : texts.length === 1 ? `${name} = ${texts[0]}` : `${name} IN ${list}`;
    return exclude === withNull ? some : `(${some} OR ${name} IS NULL)`;
  }
  function picked(chips, group, exclude) {
    if (exclude && Object.keys(group).length > 1) {
      return [...chips, { kind: "text", text: otherThan(group) }];
    }
    return Object.entries(group).reduce(
      (before, [dimension, value]) => exclude ? excluded(before, dimension, value) : included(before, dimension, value),
      [...chips]
    );
  }
  function otherThan(group) {
    const parts = Object.entries(group).map(([dimension, value]) => {
      const name = sqlName(dimension);
      return value === null ? `${name} IS NOT NULL` : `${name} <> ${sqlText(value)} OR ${name} IS NULL`;
    });
    return `(${parts.join(" OR ")})`;
  }
  function included(chips, dimension, value) {
    const others = chips.filter(
      (chip) => chip.kind === "text" || chip.dimension !== dimension || chip.exclude
    );
    return [...others, { kind: "values", dimension, exclude: false, values: [value] }];
  }
  function excluded(chips, dimension, value) {
    const at2 = chips.findIndex(
      (chip2) => chip2.kind === "values" && chip2.exclude && chip2.dimension === dimension
    );
    const chip = chips[at2];
    if (chip?.kind !== "values") {
      return [...chips, { kind: "values", dimension, exclude: true, values: [value] }];
    }
    const values = chip.values.includes(value) ? chip.values : [...chip.values, value];
    return chips.map((other, index) => index === at2 ? { ...chip, values } : other);
  }

  // src/explore/filters.tsx
  function Filters({ metric, filter, openRequest, onChange }) {
    const chips = parseFilter(filter);
    const replace = (at2, chip) => onChange(writeFilter(chips.flatMap((known, n3) => n3 !== at2 ? [known] : chip ? [chip] : [])));
    return /* @__PURE__ */ a4("div", { class: "filters", children: [
      chips.map(
        (chip, at2) => chip.kind === "text" ? /* @__PURE__ */ a4(Chip, { label: chip.text, onRemove: () => replace(at2, void 0), children: /* @__PURE__ */ a4("code", { children: chip.text }) }, at2) : /* @__PURE__ */ a4(
          ValuesChip,
          {
            metric,
            chip,
            onChange: (changed) => replace(at2, changed)
          },
          at2
        )
      ),
      /* @__PURE__ */ a4(
        Popover,
        {
          class: "button quiet",
          openRequest,
          name: "Add a filter",
          label: /* @__PURE__ */ a4($, { children: "+ Filter" }),
          children: (close) => /* @__PURE__ */ a4(
            AddFilter,
            {
              metric,
              filter,
              onText: (text2) => {
                close();
                onChange(text2);
              },
              onChip: (chip) => {
                close();
                onChange(writeFilter([...chips, chip]));
              }
            }
          )
        }
      )
    ] });
  }
  var NAMED = 3;
  function valueLabel(value) {
    return value === null ? "∅" : value === "" ? "“”" : value;
  }
  function chipLabel({ dimension, exclude, values }) {
    const named2 = values.slice(0, NAMED).map(valueLabel).join(", ");
    const more = values.length > NAMED ? ` and ${values.length - NAMED} more` : "";
    return `${dimension} ${exclude ? "is not" : "is"} ${named2}${more}`;
  }
  function ValuesChip({ metric, chip, onChange }) {
    const label = chipLabel(chip);
    return /* @__PURE__ */ a4("span", { class: chip.exclude ? "chip exclude" : "chip", children: [
      /* @__PURE__ */ a4(Popover, { class: "chip-button", name: `Filter: ${label}`, label: /* @__PURE__ */ a4("bdi", { children: label }), children: () => /* @__PURE__ */ a4(ValuesEditor, { metric, chip, onChange }) }),
      /* @__PURE__ */ a4(
        "button",
        {
          type: "button",
          class: "chip-remove",
          "aria-label": `Remove filter: ${label}`,
          onClick: () => onChange(void 0),
          children: "×"
        }
      )
    ] });
  }
  function ValuesEditor({ metric, chip, onChange }) {
    return /* @__PURE__ */ a4("div", { class: "values-editor", children: [
      /* @__PURE__ */ a4("div", { class: "segments", role: "group", "aria-label": "Include or exclude", children: [false, true].map((exclude) => /* @__PURE__ */ a4(
        "button",
        {
          type: "button",
          "aria-pressed": chip.exclude === exclude,
          onClick: () => onChange({ ...chip, exclude }),
          children: exclude ? "is not" : "is"
        },
        String(exclude)
      )) }),
      /* @__PURE__ */ a4(
        ValuePicker,
        {
          metric,
          dimension: chip.dimension,
          selected: chip.values,
          onToggle: (value) => {
            const without = chip.values.filter((known) => known !== value);
            const values = without.length === chip.values.length ? [...without, value] : without;
            onChange(values.length === 0 ? void 0 : { ...chip, values });
          }
        }
      )
    ] });
  }
  function AddFilter({ metric, filter, onChip, onText }) {
    const [dimension, setDimension] = d2();
    const [text2, setText] = d2();
    if (text2 !== void 0) {
      return /* @__PURE__ */ a4(
        "form",
        {
          class: "filter-text",
          onSubmit: (event) => {
            event.preventDefault();
            onText(text2.trim());
          },
          children: [
            /* @__PURE__ */ a4(Field, { label: "Filter", hint: "SQL over dimensions: = <> < > IN LIKE IS NULL AND OR NOT", children: /* @__PURE__ */ a4(
              "textarea",
              {
                class: "code",
                rows: 4,
                spellcheck: false,
                value: text2,
                onInput: (event) => setText(event.currentTarget.value)
              }
            ) }),
            /* @__PURE__ */ a4(Button, { kind: "primary", type: "submit", children: "Apply" })
          ]
        }
      );
    }
    if (dimension === void 0) {
      return /* @__PURE__ */ a4(
        Picker,
        {
          name: "Dimension",
          options: dimensionNames(metric?.definition).map((value) => ({ value })),
          selected: [],
          onSelect: setDimension,
          footer: /* @__PURE__ */ a4("button", { type: "button", class: "menu-item", onClick: () => setText(filter), children: "Write as text…" })
        }
      );
    }
    return /* @__PURE__ */ a4(
      ValuePicker,
      {
        metric,
        dimension,
        selected: [],
        onToggle: (value) => onChip({ kind: "values", dimension, exclude: false, values: [value] })
      }
    );
  }
  var VALUES = 50;
  var key = (value) => value === null ? "null" : `=${value}`;
  function ValuePicker({ metric, dimension, selected, onToggle }) {
    const [prefix, setPrefix] = d2("");
    const path = `/v1/metrics/${metric?.name ?? ""}/dimensions/${dimension}`;
    const url = withParams(path, { prefix, limit: VALUES, partial: "allow" });
    const found = useFetched(
      metric === void 0 ? "" : url,
      (signal) => get(url, signal)
    );
    if (found.problem) {
      return /* @__PURE__ */ a4(ProblemView, { problem: found.problem });
    }
    const list = found.value?.values ?? [];
    const known = new Set(list.map(({ value }) => key(value)));
    const chosen = prefix === "" ? selected.filter((value) => !known.has(key(value))) : [];
    const total = found.value?.total_values.approx() ?? 0;
    return /* @__PURE__ */ a4(
      Picker,
      {
        name: `Values of ${dimension}`,
        multiple: true,
        onSearch: setPrefix,
        options: [
          ...chosen.map((value) => ({ value: key(value), label: valueLabel(value) })),
          ...list.map(({ value, count }) => ({
            value: key(value),
            label: valueLabel(value),
            hint: count && digits(count)
          }))
        ],
        selected: selected.map(key),
        onSelect: (chosen2) => onToggle(chosen2 === "null" ? null : chosen2.slice(1)),
        footer: /* @__PURE__ */ a4("p", { class: "picker-none muted", children: [
          total > list.length && `${digits(total - list.length)} more: type how they begin. `,
          found.value?.counted_by && `Counts are of all time, by ${found.value.counted_by}.`
        ] })
      }
    );
  }

  // src/explore/keys.tsx
  var KEYS = [
    ["/", "Choose a metric"],
    ["f", "Add a filter"],
    ["t", "Choose a range"],
    ["c", "Choose a comparison"],
    ["← →", "Read the buckets of the chart that has the focus"],
    ["Shift ← →", "Choose buckets, Enter zooms in"],
    ["?", "This list"]
  ];
  function useKeys(onKey) {
    A2(() => {
      const pressed = (event) => {
        const target = event.target;
        const typing = target.closest("input, select, textarea, dialog, [popover], [contenteditable]");
        const modified = event.ctrlKey || event.metaKey || event.altKey;
        if (typing === null && !modified && !event.defaultPrevented && onKey(event.key)) {
          event.preventDefault();
        }
      };
      addEventListener("keydown", pressed);
      return () => removeEventListener("keydown", pressed);
    });
  }
  function KeyList({ onClose }) {
    return /* @__PURE__ */ a4(Dialog, { title: "Keys", onClose, children: /* @__PURE__ */ a4("dl", { class: "facts", children: [
      KEYS.map(([key2, meaning]) => /* @__PURE__ */ a4($, { children: [
        /* @__PURE__ */ a4("dt", { children: /* @__PURE__ */ a4("kbd", { children: key2 }) }, key2),
        /* @__PURE__ */ a4("dd", { children: meaning })
      ] })),
      /* @__PURE__ */ a4("dt", { children: "Click" }),
      /* @__PURE__ */ a4("dd", { children: "Filter by a group" }),
      /* @__PURE__ */ a4("dt", { children: "Alt click" }),
      /* @__PURE__ */ a4("dd", { children: "Exclude a group" }),
      /* @__PURE__ */ a4("dt", { children: "Drag" }),
      /* @__PURE__ */ a4("dd", { children: "Zoom into a range" }),
      /* @__PURE__ */ a4("dt", { children: "Back" }),
      /* @__PURE__ */ a4("dd", { children: "Undo" })
    ] }) });
  }

  // src/explore/range.ts
  var PRESETS = [
    { label: "Last hour", from: "now-1h", to: "" },
    { label: "Last 24 hours", from: "now-24h", to: "" },
    { label: "Last 7 days", from: "now-7d", to: "" },
    { label: "Last 30 days", from: "now-30d", to: "" },
    { label: "Last 90 days", from: "now-90d", to: "" },
    { label: "Last 12 months", from: "now-12M", to: "" },
    { label: "Today", from: "today", to: "" },
    { label: "Yesterday", from: "yesterday", to: "today" },
    { label: "This week", from: "this_week", to: "" },
    { label: "Last week", from: "last_week", to: "this_week" },
    { label: "This month", from: "this_month", to: "" },
    { label: "Last month", from: "last_month", to: "this_month" },
    { label: "This year", from: "this_year", to: "" },
    { label: "All time", from: "", to: "" }
  ];
  function rangeLabel(from, to) {
    const preset = PRESETS.find((known) => known.from === from && known.to === to);
    if (preset !== void 0) {
      return preset.label;
    }
    if (to === "") {
      return `Since ${short(from)}`;
    }
    return from === "" ? `Before ${short(to)}` : `${short(from)} – ${short(to)}`;
  }
  function short(edge2) {
    return edge2.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, "$1 $2");
  }
  var MINUTE2 = 6e4;
  var HOUR = 60 * MINUTE2;
  var DAY2 = 24 * HOUR;
  var UNITS = {
    m: MINUTE2,
    h: HOUR,
    d: DAY2,
    w: 7 * DAY2,
    M: 30.44 * DAY2,
    y: 365.25 * DAY2
  };
  var PERIODS = {
    day: DAY2,
    week: 7 * DAY2,
    month: 30.44 * DAY2,
    quarter: 91.3 * DAY2,
    year: 365.25 * DAY2
  };
  function estimate(edge2, now) {
    const relative = /^now(?:-(\d+)([mhdwMy]))?$/.exec(edge2);
    if (relative !== null) {
      return now - Number(relative[1] ?? 0) * (UNITS[relative[2] ?? "m"] ?? 0);
    }
    const day = Math.floor(now / DAY2) * DAY2;
    switch (edge2) {
      case "today":
        return day;
      case "yesterday":
        return day - DAY2;
      case "tomorrow":
        return day + DAY2;
    }
    const current = /^(this|last|next)_(week|month|quarter|year)$/.exec(edge2);
    if (current !== null) {
      return beginning(current[2] ?? "", now) + shift(current[1]) * (PERIODS[current[2] ?? ""] ?? 0);
    }
    if (/^-?\d{12,14}$/.test(edge2)) {
      return Number(edge2);
    }
    return named(edge2);
  }
  function shift(word) {
    return word === "last" ? -1 : word === "next" ? 1 : 0;
  }
  function beginning(period, now) {
    const date = new Date(now);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    switch (period) {
      case "week":
        return now - (date.getUTCDay() + 6) % 7 * DAY2;
      case "month":
        return Date.UTC(year, month);
      case "quarter":
        return Date.UTC(year, month - month % 3);
      default:
        return Date.UTC(year, 0);
    }
  }
  function named(edge2) {
    const week = /^(\d{4})-W(\d\d)$/.exec(edge2);
    if (week !== null) {
      return Date.UTC(Number(week[1]), 0, 1 + 7 * (Number(week[2]) - 1));
    }
    const quarter = /^(\d{4})-Q([1-4])$/.exec(edge2);
    if (quarter !== null) {
      return Date.UTC(Number(quarter[1]), 3 * (Number(quarter[2]) - 1));
    }
    if (!/^\d{4}(?:-\d\d){0,2}(?:[Tt ].*)?$/.test(edge2)) {
      return void 0;
    }
    const at2 = Date.parse(edge2);
    return Number.isNaN(at2) ? void 0 : at2;
  }
  function lengthOf(from, to, now, data) {
    const start = from === "" ? data?.[0] : estimate(from, now);
    const end = to === "" ? data === void 0 ? now : data[1] : estimate(to, now);
    return start === void 0 || end === void 0 ? void 0 : Math.max(0, end - start);
  }
  var BUCKETS_MAX = 400;
  var GRANULARITIES = [
    ["minute", "Minute", MINUTE2],
    ["5m", "5 minutes", 5 * MINUTE2],
    ["15m", "15 minutes", 15 * MINUTE2],
    ["hour", "Hour", HOUR],
    ["day", "Day", DAY2],
    ["week", "Week", 7 * DAY2],
    ["month", "Month", 30.44 * DAY2],
    ["quarter", "Quarter", 91.3 * DAY2],
    ["year", "Year", 365.25 * DAY2]
  ];
  function fitting(base, zone) {
    const shortest = GRANULARITIES.find(([name]) => name === base)?.[2] ?? MINUTE2;
    return GRANULARITIES.filter(([, , length]) => length >= shortest && zoneFits(base, zone)).map(
      ([name]) => name
    );
  }
  function zoneFits(base, zone) {
    if (base === "minute") {
      return true;
    }
    const offsets = offsetsOf(zone);
    return offsets.every((offset) => base === "hour" ? offset % 60 === 0 : offset === 0);
  }
  function offsetsOf(zone) {
    const year = (/* @__PURE__ */ new Date()).getUTCFullYear();
    return [0, 6].map((month) => {
      try {
        const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(Date.UTC(year, month, 15)).find(({ type }) => type === "timeZoneName")?.value;
        const [, sign = "+", hours = "0", minutes = "0"] = /GMT([+-])(\d\d):(\d\d)/.exec(parts ?? "") ?? [];
        return (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
      } catch {
        return 0;
      }
    });
  }
  function suggested(length, names) {
    const fits = GRANULARITIES.find(
      ([name, , bucket]) => names.includes(name) && length / bucket <= BUCKETS_MAX
    );
    return fits?.[0] ?? names.at(-1) ?? "day";
  }
  function nextGranularity(current, before, after, names) {
    if (current === "all" || after === void 0) {
      return current;
    }
    const bucket = GRANULARITIES.find(([name]) => name === current)?.[2];
    const automatic = before !== void 0 && suggested(before, names) === current;
    const possible = bucket !== void 0 && names.includes(current);
    const sensible = possible && after / bucket <= BUCKETS_MAX && after / bucket >= 2;
    return sensible && !automatic ? current : suggested(after, names);
  }

  // src/explore/state.ts
  var ORDER = [
    "metric",
    "measures",
    "group_by",
    "filter",
    "having",
    "from",
    "to",
    "granularity",
    "timezone",
    "compare",
    "fill",
    "window",
    "order_by",
    "group_limit",
    "other",
    "totals",
    "limit",
    "offset",
    "limit_per_bucket",
    "partial",
    "after"
  ];
  var OWN = ["chart", "live"];
  function readState(params) {
    const text2 = (name) => params.get(name) ?? "";
    const list = (name) => text2(name).split(",").filter((item) => item !== "");
    const granularity = text2("granularity") || "all";
    return {
      metric: text2("metric"),
      measures: list("measures"),
      groupBy: list("group_by"),
      filter: text2("filter"),
      from: text2("from"),
      to: text2("to"),
      granularity,
      timezone: text2("timezone") || "UTC",
      compare: text2("compare"),
      chart: chartOf(text2("chart"), granularity, list("group_by").length),
      live: text2("live") === "true",
      params
    };
  }
  function chartOf(chosen, granularity, groups) {
    const known = CHART_KINDS.find((kind) => kind === chosen);
    return known ?? (granularity !== "all" ? "line" : groups > 0 ? "bar" : "number");
  }
  function withChanges(params, changes) {
    const all = new Map(params);
    for (const [name, value] of Object.entries(changes)) {
      if (value === void 0 || value === "") {
        all.delete(name);
      } else {
        all.set(name, value);
      }
    }
    const known = [...ORDER, ...OWN];
    const unknown = [...all.keys()].filter((name) => !known.includes(name));
    const ordered = [...ORDER, ...unknown, ...OWN].filter((name) => all.has(name));
    return new URLSearchParams(ordered.map((name) => [name, all.get(name) ?? ""]));
  }
  function queryOf(params, leaveOut = []) {
    const left = [...OWN, ...leaveOut];
    return readable(new URLSearchParams([...params].filter(([name]) => !left.includes(name))));
  }
  function groupChanges(groupBy, params) {
    if (groupBy.length === 0) {
      return { group_by: "", group_limit: "", other: "", limit_per_bucket: "" };
    }
    const limit = params.get("group_limit") ?? GROUP_LIMIT;
    return { group_by: groupBy.join(","), group_limit: limit, other: params.get("other") ?? "true" };
  }
  var GROUP_LIMIT = "8";
  function granularityChanges(granularity) {
    return granularity === "all" ? { granularity, fill: "", window: "" } : { granularity, fill: "zero" };
  }

  // src/explore/options.tsx
  function Select({ label, value, options, onSelect, id }) {
    const known = options.some(([name]) => name === value);
    return /* @__PURE__ */ a4(
      "select",
      {
        id,
        class: "select",
        "aria-label": label,
        value,
        onChange: (event) => onSelect(event.currentTarget.value),
        children: [
          !known && /* @__PURE__ */ a4("option", { value, children: value }),
          options.map(([name, text2]) => /* @__PURE__ */ a4("option", { value: name, children: text2 }, name))
        ]
      }
    );
  }
  var ROWS_MAX = 1e4;
  function GranularitySelect({ current, fitting: fitting2, length, onSelect }) {
    const offered = GRANULARITIES.filter(
      ([name, , bucket]) => fitting2.includes(name) && (length === void 0 || length / bucket <= ROWS_MAX)
    );
    return /* @__PURE__ */ a4(
      Select,
      {
        label: "Granularity",
        value: current,
        options: [["all", "No buckets"], ...offered.map(([name, label]) => [name, label])],
        onSelect
      }
    );
  }
  var COMPARE = [
    ["", "No comparison"],
    ["previous_period", "Previous period"],
    ["previous_week", "Previous week"],
    ["previous_month", "Previous month"],
    ["previous_quarter", "Previous quarter"],
    ["previous_year", "Previous year"]
  ];
  function CompareSelect({
    current,
    onSelect
  }) {
    return /* @__PURE__ */ a4(Select, { id: "compare", label: "Compare", value: current, options: COMPARE, onSelect });
  }
  var ICONS = {
    line: /* @__PURE__ */ a4("path", { d: "M1 12l4-5 4 3 6-8" }),
    area: /* @__PURE__ */ a4("path", { d: "M1 12l4-5 4 3 6-8v12H1z", class: "filled" }),
    stacked: /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4("path", { d: "M1 14v-3l5-2 4 1 5-3v7z", class: "filled" }),
      /* @__PURE__ */ a4("path", { d: "M1 7l5-3 4 1 5-4" })
    ] }),
    bar: /* @__PURE__ */ a4("path", { d: "M3 14V8M8 14V3M13 14V6", class: "wide" }),
    number: /* @__PURE__ */ a4("path", { d: "M5 2L4 14M12 2l-1 12M2 5.5h12M1.5 10.5h12" }),
    table: /* @__PURE__ */ a4("path", { d: "M1.5 2.5h13v11h-13zM1.5 6h13M6 6v7.5" })
  };
  var NAMES = {
    line: "Line",
    area: "Area",
    stacked: "Stacked area",
    bar: "Bars",
    number: "Number",
    table: "Table"
  };
  function ChartKinds({ current, onSelect }) {
    return /* @__PURE__ */ a4("div", { class: "segments chart-kinds", role: "group", "aria-label": "Chart", children: CHART_KINDS.map((kind) => /* @__PURE__ */ a4(
      "button",
      {
        type: "button",
        "aria-pressed": kind === current,
        "aria-label": NAMES[kind],
        title: NAMES[kind],
        onClick: () => onSelect(kind),
        children: /* @__PURE__ */ a4("svg", { width: "16", height: "16", viewBox: "0 0 16 16", "aria-hidden": "true", children: ICONS[kind] })
      },
      kind
    )) });
  }
  var FILL = [
    ["", "Leave out"],
    ["zero", "Zero"],
    ["null", "A gap"],
    ["previous", "The value before"]
  ];
  function More({ params, timed, grouped: grouped2, onChange }) {
    return /* @__PURE__ */ a4(Popover, { class: "button quiet", name: "More options", label: "More", children: () => /* @__PURE__ */ a4("div", { class: "more", children: [
      timed && /* @__PURE__ */ a4($, { children: [
        /* @__PURE__ */ a4(Field, { label: "Empty buckets", children: /* @__PURE__ */ a4(
          Select,
          {
            label: "Empty buckets",
            value: params.get("fill") ?? "",
            options: FILL,
            onSelect: (fill) => onChange({ fill })
          }
        ) }),
        /* @__PURE__ */ a4(
          Text,
          {
            label: "Window",
            hint: "Each bucket merges what ends with it, as 7d or 28d",
            value: params.get("window") ?? "",
            onChange: (window2) => onChange({ window: window2 })
          }
        )
      ] }),
      grouped2 && /* @__PURE__ */ a4($, { children: [
        /* @__PURE__ */ a4(
          Text,
          {
            label: "Groups",
            hint: "The largest over the whole range",
            value: params.get("group_limit") ?? "",
            onChange: (limit) => onChange({ group_limit: limit || GROUP_LIMIT })
          }
        ),
        /* @__PURE__ */ a4(
          Check,
          {
            label: "All others as one",
            value: params.get("other") === "true",
            onChange: (other) => onChange({ other: other ? "true" : "" })
          }
        )
      ] }),
      /* @__PURE__ */ a4(
        Text,
        {
          label: "Having",
          hint: "SQL over measures, after the merge",
          value: params.get("having") ?? "",
          onChange: (having) => onChange({ having })
        }
      ),
      /* @__PURE__ */ a4(
        Check,
        {
          label: "Total of the range",
          value: params.get("totals") === "true",
          onChange: (totals) => onChange({ totals: totals ? "true" : "" })
        }
      ),
      /* @__PURE__ */ a4(
        Check,
        {
          label: "Allow incomplete answers",
          value: params.get("partial") === "allow",
          onChange: (partial) => onChange({ partial: partial ? "allow" : "" })
        }
      )
    ] }) });
  }
  function Text({ label, hint, value, onChange }) {
    return /* @__PURE__ */ a4(Field, { label, hint, children: /* @__PURE__ */ a4(
      "input",
      {
        type: "text",
        autocomplete: "off",
        spellcheck: false,
        value,
        onChange: (event) => onChange(event.currentTarget.value.trim())
      }
    ) });
  }
  function Check({ label, value, onChange }) {
    return /* @__PURE__ */ a4("label", { class: "check", children: [
      /* @__PURE__ */ a4(
        "input",
        {
          type: "checkbox",
          checked: value,
          onChange: (event) => onChange(event.currentTarget.checked)
        }
      ),
      label
    ] });
  }

  // src/explore/pickers.tsx
  function MetricPicker({ metrics: metrics2, current, openRequest, onSelect }) {
    return /* @__PURE__ */ a4(
      Popover,
      {
        class: "metric-button",
        name: `Metric: ${current || "none"}`,
        openRequest,
        label: /* @__PURE__ */ a4(Opener, { text: current || "Choose a metric" }),
        children: (close) => /* @__PURE__ */ a4(
          Picker,
          {
            name: "Metric",
            options: metrics2.map(({ name, description }) => ({ value: name, hint: description })),
            selected: [current],
            onSelect: (name) => {
              close();
              onSelect(name);
            }
          }
        )
      }
    );
  }
  function Opener({ text: text2 }) {
    return /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4("span", { class: "button-text", children: text2 }),
      /* @__PURE__ */ a4(Caret, {})
    ] });
  }
  function Caret() {
    return /* @__PURE__ */ a4("svg", { class: "caret", width: "10", height: "6", viewBox: "0 0 10 6", "aria-hidden": "true", children: /* @__PURE__ */ a4("path", { d: "M1 1l4 4 4-4" }) });
  }
  function MeasurePicker({ metric, selected, onSelect }) {
    const measures = Object.entries(metric?.definition.measures ?? {});
    const shown = selected.length === 0 ? measures.map(([name]) => name) : selected;
    const first = shown[0] ?? "Measures";
    const label = shown.length > 1 ? `${first} and ${shown.length - 1} more` : first;
    return /* @__PURE__ */ a4(Popover, { name: `Measures: ${shown.join(", ")}`, label: /* @__PURE__ */ a4(Opener, { text: label }), children: () => /* @__PURE__ */ a4(
      Picker,
      {
        name: "Measures",
        multiple: true,
        options: measures.map(([name, { kind, of, expr }]) => ({
          value: name,
          hint: expr ?? (of === void 0 ? kind : `${kind} of ${of}`)
        })),
        selected: shown,
        onSelect: (name) => onSelect(toggled(shown, name, measures.length))
      }
    ) });
  }
  function toggled(list, name, most) {
    const without = list.filter((known) => known !== name);
    const next = without.length === list.length ? [...list, name] : without;
    return next.length === 0 || next.length > most ? [name] : next;
  }
  var GROUPS_MAX = 2;
  function GroupPicker({ metric, selected, onSelect }) {
    const label = selected.length === 0 ? "Group by" : `by ${selected.join(", ")}`;
    return /* @__PURE__ */ a4(Popover, { name: `Group by: ${selected.join(", ") || "nothing"}`, label: /* @__PURE__ */ a4(Opener, { text: label }), children: () => /* @__PURE__ */ a4(
      Picker,
      {
        name: "Group by",
        multiple: true,
        options: dimensionNames(metric?.definition).map((value) => ({ value })),
        selected,
        onSelect: (name) => onSelect(
          selected.includes(name) ? selected.filter((known) => known !== name) : [...selected, name].slice(-GROUPS_MAX)
        )
      }
    ) });
  }
  function browserZone() {
    return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  }
  function ZonePicker({ current, onSelect }) {
    return /* @__PURE__ */ a4(Popover, { name: `Time zone: ${current}`, label: /* @__PURE__ */ a4(Opener, { text: current.replaceAll("_", " ") }), children: (close) => /* @__PURE__ */ a4(
      Picker,
      {
        name: "Time zone",
        free: true,
        options: zones().map((value) => ({
          value,
          label: value.replaceAll("_", " "),
          hint: value === browserZone() ? "this browser" : void 0
        })),
        selected: [current],
        onSelect: (zone) => {
          close();
          onSelect(zone);
        }
      }
    ) });
  }
  function zones() {
    return [.../* @__PURE__ */ new Set(["UTC", browserZone(), ...Intl.supportedValuesOf("timeZone")])];
  }

  // src/explore/range-picker.tsx
  function RangePicker(props) {
    const label = rangeLabel(props.from, props.to);
    return /* @__PURE__ */ a4(Popover, { name: `Range: ${label}`, openRequest: props.openRequest, label: /* @__PURE__ */ a4(Opener, { text: label }), children: (close) => /* @__PURE__ */ a4(Panel, { ...props, close }) });
  }
  function Panel({ from, to, onSelect, close }) {
    const [start, setStart] = d2(from);
    const [end, setEnd] = d2(to);
    const choose = (first, last) => {
      close();
      onSelect(first.trim(), last.trim());
    };
    return /* @__PURE__ */ a4("div", { class: "range-panel", children: [
      /* @__PURE__ */ a4("ul", { class: "presets", "aria-label": "Ranges", children: PRESETS.map((preset) => /* @__PURE__ */ a4("li", { children: /* @__PURE__ */ a4(
        "button",
        {
          type: "button",
          class: "menu-item",
          "aria-pressed": preset.from === from && preset.to === to,
          onClick: () => choose(preset.from, preset.to),
          children: preset.label
        }
      ) }, preset.label)) }),
      /* @__PURE__ */ a4(
        "form",
        {
          class: "range-form",
          onSubmit: (event) => {
            event.preventDefault();
            choose(start, end);
          },
          children: [
            /* @__PURE__ */ a4(Edge, { label: "From", value: start, onChange: setStart }),
            /* @__PURE__ */ a4(Edge, { label: "To, not included", value: end, onChange: setEnd }),
            /* @__PURE__ */ a4("p", { class: "field-hint", children: [
              "As ",
              /* @__PURE__ */ a4("code", { children: "now-7d" }),
              ", ",
              /* @__PURE__ */ a4("code", { children: "yesterday" }),
              ", ",
              /* @__PURE__ */ a4("code", { children: "2026-11" }),
              ", ",
              /* @__PURE__ */ a4("code", { children: "2026-W47" }),
              ",",
              " ",
              /* @__PURE__ */ a4("code", { children: "2026-11-28T12:00:00Z" }),
              ". Empty: open."
            ] }),
            /* @__PURE__ */ a4(Button, { kind: "primary", type: "submit", children: "Apply" })
          ]
        }
      )
    ] });
  }
  function Edge({ label, value, onChange }) {
    return /* @__PURE__ */ a4("div", { class: "range-edge", children: [
      /* @__PURE__ */ a4(Field, { label, children: /* @__PURE__ */ a4(
        "input",
        {
          type: "text",
          autocomplete: "off",
          spellcheck: false,
          value,
          onInput: (event) => onChange(event.currentTarget.value)
        }
      ) }),
      /* @__PURE__ */ a4(
        "input",
        {
          type: "date",
          "aria-label": `${label}: date`,
          value: /^\d{4}-\d\d-\d\d$/.test(value) ? value : "",
          onInput: (event) => event.currentTarget.value !== "" && onChange(event.currentTarget.value)
        }
      )
    ] });
  }

  // src/explore/share.tsx
  function Share({ params, answer }) {
    const [copied, setCopied] = d2();
    const copy = (what, text2) => () => {
      const done = () => {
        setCopied({ what });
        setTimeout(() => setCopied(void 0), 2e3);
      };
      const refused = () => setCopied({ what, text: text2 });
      navigator.clipboard === void 0 ? refused() : navigator.clipboard.writeText(text2).then(done, refused);
    };
    const link = (changed) => location.origin + hrefOf("/explore", changed);
    const file = (format) => ({
      href: `/v1/query?${queryOf(params, ["totals", "other"])}&format=${format}`,
      name: `${params.get("metric") ?? "answer"}.${format}`
    });
    return /* @__PURE__ */ a4($, { children: [
      /* @__PURE__ */ a4("span", { class: "visually-hidden", role: "status", children: copied?.text === void 0 && copied ? `${copied.what} copied` : "" }),
      /* @__PURE__ */ a4(
        Menu,
        {
          label: copied?.text === void 0 && copied ? "Copied" : "Share",
          name: "Share",
          items: [
            { label: "Copy link", hint: "range as typed", onSelect: copy("Link", link(params)) },
            {
              label: "Copy frozen link",
              hint: "this range, at least these events",
              disabled: answer === void 0,
              onSelect: copy("Frozen link", link(frozen(params, answer)))
            },
            { label: "Copy as curl", onSelect: copy("Command", curlLine(params)) },
            { label: "Download CSV", download: file("csv") },
            { label: "Download Parquet", download: file("parquet") }
          ]
        }
      ),
      copied?.text !== void 0 && /* @__PURE__ */ a4(Dialog, { title: copied.what, onClose: () => setCopied(void 0), children: /* @__PURE__ */ a4("textarea", { class: "code", rows: 5, readOnly: true, value: copied.text, "aria-label": copied.what }) })
    ] });
  }
  function frozen(params, answer) {
    if (answer === void 0) {
      return params;
    }
    const now = (/* @__PURE__ */ new Date()).toISOString();
    return withChanges(params, {
      from: answer.from ?? void 0,
      to: answer.to ?? now,
      after: position(answer.provenance.speed.through),
      live: void 0
    });
  }
  function curlLine(params) {
    const key2 = session.value?.authentication === "none" ? "" : '-H "Authorization: Bearer $MERGANSER_KEY" ';
    const url = `${location.origin}/v1/query?${queryOf(params)}`;
    return `curl -s ${key2}'${url.replaceAll("'", "%27")}'`;
  }

  // src/pages/explore.tsx
  function Explore() {
    const { params } = place.value;
    const state = w2(() => readState(params), [params]);
    const list = useFetched("metrics", () => loadMetrics());
    const known = metrics.value;
    const name = state.metric || known?.[0]?.name || "";
    const detail = useFetched(name, (signal) => loadMetric(name, signal));
    const metric = detail.value?.name === name ? detail.value : known?.find((one) => one.name === name);
    A2(() => {
      if (state.metric === "" && detail.value?.name === name && name !== "") {
        navigate("/explore", firstLook(detail.value), true);
      }
    }, [state.metric, detail.value, name]);
    if (list.problem && known === void 0 && state.metric === "") {
      return /* @__PURE__ */ a4(ProblemView, { problem: list.problem, children: /* @__PURE__ */ a4(Button, { onClick: list.reload, children: "Try again" }) });
    }
    if (known?.length === 0 && state.metric === "") {
      return /* @__PURE__ */ a4(Empty, { title: "There is no metric yet.", children: /* @__PURE__ */ a4(Link, { to: "/metrics", children: "Define the first one" }) });
    }
    return state.metric === "" ? /* @__PURE__ */ a4(Loading, {}) : /* @__PURE__ */ a4(Board, { state, metric });
  }
  function firstLook(metric) {
    const base = metric.definition.granularity ?? "minute";
    const zone = zoneFits(base, browserZone()) ? browserZone() : "UTC";
    const now = Date.now();
    const data = extentOf2(metric);
    const recent = data !== void 0 && now - data[1] < 30 * 864e5;
    const from = recent && now - data[0] > 30 * 864e5 ? "now-30d" : "";
    const length = lengthOf(from, "", now, data) ?? 0;
    return withChanges(new URLSearchParams(), {
      metric: metric.name,
      measures: firstMeasure(metric),
      from,
      timezone: zone,
      totals: "true",
      ...granularityChanges(suggested(length, fitting(base, zone)))
    });
  }
  function firstMeasure({ definition }) {
    const measures = Object.entries(definition.measures);
    const counts = measures.filter(([, { kind, filter }]) => kind === "count" && filter === void 0);
    return (counts[0] ?? measures[0])?.[0];
  }
  function extentOf2(metric) {
    const [first, last] = [Date.parse(metric?.first_bucket ?? ""), Date.parse(metric?.last_bucket ?? "")];
    return Number.isNaN(first) || Number.isNaN(last) ? void 0 : [first, last];
  }
  function Board({ state, metric }) {
    const { params } = state;
    const [paused, setPaused] = d2(false);
    const [open2, setOpen] = d2({ metric: 0, filter: 0, range: 0 });
    const [help, setHelp] = d2(false);
    const query = queryOf(params);
    const asked2 = useAnswer(query, state.live && !paused);
    const base = metric?.definition.granularity ?? "minute";
    const fits = fitting(base, state.timezone);
    const data = extentOf2(metric);
    const length = lengthOf(state.from, state.to, Date.now(), data);
    const change2 = (changes, replace = false) => navigate("/explore", withChanges(params, changes), replace);
    const setRange = (from, to) => {
      const after = lengthOf(from, to, Date.now(), data);
      const granularity = nextGranularity(state.granularity, length, after, fits);
      change2({ from, to, granularity: granularity === "all" ? void 0 : granularity, after: "" });
    };
    const setChart = (chart) => {
      const timed = state.granularity !== "all";
      if (chart === "number") {
        change2({ chart, ...granularityChanges("all"), granularity: "", totals: "true" });
      } else if (!timed && chart !== "bar" && chart !== "table") {
        change2({ chart, ...granularityChanges(suggested(length ?? 0, fits)) });
      } else {
        change2({ chart });
      }
    };
    const pick = (group, exclude) => change2({ filter: writeFilter(picked(parseFilter(state.filter), group, exclude)) });
    const setMetric = (name) => {
      const next = metrics.value?.find((one) => one.name === name);
      change2({
        metric: name,
        measures: next && firstMeasure(next),
        filter: "",
        having: "",
        order_by: "",
        after: "",
        ...groupChanges([], params)
      });
    };
    useKeys((key2) => {
      switch (key2) {
        case "/":
          setOpen({ ...open2, metric: open2.metric + 1 });
          return true;
        case "f":
          setOpen({ ...open2, filter: open2.filter + 1 });
          return true;
        case "t":
          setOpen({ ...open2, range: open2.range + 1 });
          return true;
        case "c":
          document.getElementById("compare")?.focus();
          return true;
        case "?":
          setHelp(true);
          return true;
        default:
          return false;
      }
    });
    return /* @__PURE__ */ a4("div", { class: "explore", children: [
      /* @__PURE__ */ a4("div", { class: "page-heading", children: [
        /* @__PURE__ */ a4("h1", { children: [
          /* @__PURE__ */ a4("span", { class: "visually-hidden", children: "Explore " }),
          /* @__PURE__ */ a4(
            MetricPicker,
            {
              metrics: metrics.value ?? [],
              current: state.metric,
              openRequest: open2.metric,
              onSelect: setMetric
            }
          )
        ] }),
        /* @__PURE__ */ a4("div", { class: "page-actions", children: [
          /* @__PURE__ */ a4(Live, { state, paused, onPause: setPaused, onChange: change2 }),
          /* @__PURE__ */ a4(Share, { params, answer: asked2.answer })
        ] })
      ] }),
      /* @__PURE__ */ a4("div", { class: "controls", children: [
        /* @__PURE__ */ a4(
          MeasurePicker,
          {
            metric,
            selected: state.measures,
            onSelect: (measures) => change2({ measures: measures.join(",") })
          }
        ),
        /* @__PURE__ */ a4(
          GroupPicker,
          {
            metric,
            selected: state.groupBy,
            onSelect: (groups) => change2(groupChanges(groups, params))
          }
        ),
        /* @__PURE__ */ a4("span", { class: "controls-gap" }),
        /* @__PURE__ */ a4(RangePicker, { from: state.from, to: state.to, openRequest: open2.range, onSelect: setRange }),
        /* @__PURE__ */ a4(
          GranularitySelect,
          {
            current: state.granularity,
            fitting: fits,
            length,
            onSelect: (granularity) => change2(granularityChanges(granularity))
          }
        ),
        /* @__PURE__ */ a4(ZonePicker, { current: state.timezone, onSelect: (timezone) => change2({ timezone }) }),
        /* @__PURE__ */ a4(CompareSelect, { current: state.compare, onSelect: (compare) => change2({ compare }) })
      ] }),
      /* @__PURE__ */ a4("div", { class: "controls", children: [
        /* @__PURE__ */ a4(
          Filters,
          {
            metric,
            filter: state.filter,
            openRequest: open2.filter,
            onChange: (filter) => change2({ filter })
          }
        ),
        /* @__PURE__ */ a4("span", { class: "controls-gap" }),
        /* @__PURE__ */ a4(
          More,
          {
            params,
            timed: state.granularity !== "all",
            grouped: state.groupBy.length > 0,
            onChange: change2
          }
        ),
        /* @__PURE__ */ a4(ChartKinds, { current: state.chart, onSelect: setChart })
      ] }),
      /* @__PURE__ */ a4(Result, { state, metric, asked: asked2, onPick: pick, onZoom: setRange, onChange: change2 }),
      /* @__PURE__ */ a4("button", { type: "button", class: "button quiet keys-hint", onClick: () => setHelp(true), children: [
        "Keys ",
        /* @__PURE__ */ a4("kbd", { children: "?" })
      ] }),
      help && /* @__PURE__ */ a4(KeyList, { onClose: () => setHelp(false) })
    ] });
  }
  function Live({ state, paused, onPause, onChange }) {
    const running = state.live && !paused;
    return /* @__PURE__ */ a4($, { children: [
      state.live && /* @__PURE__ */ a4(Button, { kind: "quiet", onClick: () => onPause(!paused), children: paused ? "Resume" : "Pause" }),
      /* @__PURE__ */ a4(
        Button,
        {
          "aria-pressed": state.live,
          class: running ? "live running" : "live",
          onClick: () => {
            onPause(false);
            onChange({ live: state.live ? "" : "true" }, true);
          },
          children: [
            /* @__PURE__ */ a4("span", { class: "live-dot", "aria-hidden": "true" }),
            "Live"
          ]
        }
      )
    ] });
  }
  var PARTIAL_HELPS = ["incomplete", "backfilling", "speed_unavailable", "views_moving", "not_ready"];
  function Result({ state, metric, asked: asked2, onPick, onZoom, onChange }) {
    const { answer, problem } = asked2;
    const groupBy = w2(() => groupsOf(asked2.query), [asked2.query]);
    return /* @__PURE__ */ a4("section", { class: "card result", "aria-busy": asked2.loading, "aria-label": "Answer", children: [
      problem && /* @__PURE__ */ a4(ProblemView, { problem, children: [
        /* @__PURE__ */ a4(Button, { onClick: asked2.again, children: "Try again" }),
        PARTIAL_HELPS.includes(problem.code) && /* @__PURE__ */ a4(Button, { onClick: () => onChange({ partial: "allow" }), children: "Show what there is" })
      ] }),
      answer === void 0 ? !problem && /* @__PURE__ */ a4(Loading, {}) : /* @__PURE__ */ a4($, { children: [
        /* @__PURE__ */ a4(
          ChartView,
          {
            answer,
            groupBy,
            chart: state.chart,
            definition: metric?.definition,
            onPick,
            onZoom: (from, to) => onZoom(edge(from), edge(to))
          }
        ),
        /* @__PURE__ */ a4(ProvenanceLine, { answer, query: asked2.query })
      ] })
    ] });
  }
  function edge(time) {
    return time.replace(/T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, "");
  }

  // src/pages.ts
  var pages = [
    { name: "explore", title: "Explore", group: "look", role: "read", component: Explore }
  ];

  // src/theme.ts
  var KEY = "merganser-theme";
  var theme = y3(stored());
  function stored() {
    try {
      const value = localStorage.getItem(KEY);
      return value === "light" || value === "dark" ? value : "system";
    } catch {
      return "system";
    }
  }
  function followTheme() {
    x2(() => {
      const chosen = theme.value;
      if (chosen === "system") {
        delete document.documentElement.dataset["theme"];
      } else {
        document.documentElement.dataset["theme"] = chosen;
      }
      try {
        localStorage.setItem(KEY, chosen);
      } catch {
      }
    });
  }

  // src/app.tsx
  function App() {
    const who = useFetched("session", loadSession);
    if (session.value === void 0) {
      return who.problem ? /* @__PURE__ */ a4("main", { class: "login", children: /* @__PURE__ */ a4(ProblemView, { problem: who.problem, children: /* @__PURE__ */ a4(Button, { onClick: who.reload, children: "Try again" }) }) }) : /* @__PURE__ */ a4(Loading, {});
    }
    return session.value.authentication === "required" ? /* @__PURE__ */ a4(LogIn, {}) : /* @__PURE__ */ a4(Shell, {});
  }
  function Shell() {
    const [open2, setOpen] = d2(false);
    const { path } = place.value;
    const name = path.split("/")[1] ?? "";
    const page = pages.find((known) => known.name === name);
    A2(() => {
      document.title = page === void 0 ? "Merganser" : `${page.title} · Merganser`;
      if (path === "/") {
        navigate(`/${pages[0]?.name ?? ""}`, void 0, true);
      }
    }, [path]);
    return /* @__PURE__ */ a4("div", { class: open2 ? "shell open" : "shell", children: [
      /* @__PURE__ */ a4("a", { class: "skip", href: "#main", onClick: toMain, children: "Skip to content" }),
      /* @__PURE__ */ a4("header", { class: "top-bar", children: [
        /* @__PURE__ */ a4(Link, { to: "/", class: "brand", children: "Merganser" }),
        /* @__PURE__ */ a4(Button, { kind: "quiet", "aria-expanded": open2, "aria-controls": "nav", onClick: () => setOpen(!open2), children: "Menu" })
      ] }),
      /* @__PURE__ */ a4("nav", { id: "nav", class: "nav", "aria-label": "Pages", children: [
        /* @__PURE__ */ a4(Link, { to: "/", class: "brand", children: "Merganser" }),
        /* @__PURE__ */ a4(Group, { group: "look", current: name, onGo: () => setOpen(false) }),
        /* @__PURE__ */ a4(Group, { group: "operate", current: name, onGo: () => setOpen(false) }),
        /* @__PURE__ */ a4("div", { class: "nav-end", children: [
          /* @__PURE__ */ a4(Account, {}),
          /* @__PURE__ */ a4(ThemeSwitch, {})
        ] })
      ] }),
      /* @__PURE__ */ a4("main", { id: "main", class: "main", tabIndex: -1, children: /* @__PURE__ */ a4(Body, { page }) })
    ] });
  }
  function toMain(event) {
    event.preventDefault();
    document.getElementById("main")?.focus();
  }
  function Body({ page }) {
    if (page === void 0) {
      return place.value.path === "/" ? null : /* @__PURE__ */ a4(Empty, { title: "There is no such page.", children: /* @__PURE__ */ a4(Link, { to: "/", children: "Go to the first one" }) });
    }
    if (!may(page.role, page.unbound)) {
      return /* @__PURE__ */ a4(Empty, { title: "This key may not see this page." });
    }
    return /* @__PURE__ */ a4(page.component, {});
  }
  function Group({ group, current, onGo }) {
    const shown = pages.filter((page) => page.group === group && may(page.role, page.unbound));
    return /* @__PURE__ */ a4("ul", { class: "nav-group", children: shown.map((page) => /* @__PURE__ */ a4("li", { children: /* @__PURE__ */ a4(Link, { to: `/${page.name}`, current: page.name === current, onGo, children: page.title }) }, page.name)) });
  }
  function Account() {
    if (session.value?.authentication !== "session") {
      return null;
    }
    return /* @__PURE__ */ a4("div", { class: "account", children: [
      session.value.key?.name && /* @__PURE__ */ a4("span", { class: "account-name", children: session.value.key.name }),
      /* @__PURE__ */ a4(Button, { kind: "quiet", onClick: () => void logOut(), children: "Log out" })
    ] });
  }
  var THEMES = [
    ["system", "System"],
    ["light", "Light"],
    ["dark", "Dark"]
  ];
  function ThemeSwitch() {
    return /* @__PURE__ */ a4("label", { class: "theme", children: [
      /* @__PURE__ */ a4("span", { class: "visually-hidden", children: "Colours" }),
      /* @__PURE__ */ a4(
        "select",
        {
          value: theme.value,
          onChange: (event) => {
            theme.value = event.currentTarget.value;
          },
          children: THEMES.map(([value, label]) => /* @__PURE__ */ a4("option", { value, children: label }, value))
        }
      )
    ] });
  }

  // src/main.tsx
  followTheme();
  var root = document.getElementById("app");
  if (root !== null) {
    Q(/* @__PURE__ */ a4(App, {}), root);
  }
})();

"use strict";
(() => {
	// node_modules/preact/dist/preact.mjs
	var n, t, r, u, i, f, o, e, l, c, a, s, h = /* @__PURE__ */ Symbol.for("pv"), p = {}, y = [], v = /^m(i|n|o|s|text|space)$/, w = Array.isArray, d = y.slice, _ = Object.assign;
	function g(n3) {
		n3 && n3.parentNode && n3.remove();
	}
	function k(n3, t4, r4) {
		var u4, i4, f5, o5 = {}, e4 = arguments.length;
		for (f5 in t4) f5 == "key" ? u4 = t4[f5] : f5 == "ref" && typeof n3 != "function" ? i4 = t4[f5] : o5[f5] = t4[f5];
		return e4 > 2 && (o5.children = e4 > 3 ? d.call(arguments, 2) : r4), m(n3, o5, u4, i4, null);
	}
	function b(n3, t4, r4) {
		var u4, i4, f5, o5 = _({}, n3.props), e4 = arguments.length;
		for (f5 in t4) f5 == "key" ? u4 = t4[f5] : f5 == "ref" && typeof n3.type != "function" ? i4 = t4[f5] : o5[f5] = t4[f5];
		return e4 > 2 && (o5.children = e4 > 3 ? d.call(arguments, 2) : r4), m(n3.type, o5, u4 !== void 0 ? u4 : n3.key, i4 !== void 0 ? i4 : n3.ref, null);
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
		if (t4 == null) return n3.__ && S(n3.__, n3.__i + 1);
		for (var r4; t4 < n3.__k.length; t4++) if ((r4 = n3.__k[t4]) && r4.__e) return r4.__e;
		return typeof n3.type != "function" || n3.props.__P ? null : S(n3);
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
		for (l4 = q(r4, t4, g5, l4, k4), s4 = 0; s4 < k4; s4++) (v4 = r4.__k[s4]) != null && (h5 = ~v4.__i && g5[v4.__i] || p, v4.__i = s4, _4 = z(n3, v4, h5, i4, f5, o5, e4, l4, c4, a5), w5 = v4.__e, (h5.ref != v4.ref || 8 & h5.__u) && (h5.ref && G(h5.ref, null, v4, h5), v4.ref && a5.push(v4.ref, v4.__c || w5, v4)), d5 = d5 || w5, 4 & v4.__u ? (l4 = A(v4, l4, n3, !h5.__v), h5.__e && (h5.__e = null)) : typeof v4.type == "function" && _4 !== void 0 ? l4 = _4 : w5 && (l4 = w5.nextSibling), v4.__u &= -21);
		return r4.__e = d5, l4;
	}
	function q(n3, t4, r4, u4, i4) {
		var f5, o5, e4, l4, c4, a5, s4, p5, y5, v4 = r4.length, d5 = v4, _4 = 0, g5 = 0, k4 = n3.__k = Array(i4);
		for (f5 = 0; f5 < i4; f5++) (o5 = t4[f5]) != null && typeof o5 != "boolean" && typeof o5 != "function" ? (typeof o5 != "object" || o5.constructor === String ? o5 = k4[f5] = m(null, o5) : w(o5) ? o5 = k4[f5] = m($, { children: o5 }) : o5.constructor === h && o5.__b ? o5 = k4[f5] = m(o5.type, o5.props, o5.key, o5.ref, o5.__v) : k4[f5] = o5, l4 = f5 + _4, o5.__ = n3, o5.__b = n3.__b + 1, e4 = null, ~(c4 = o5.__i = P(o5, r4, l4, d5)) && (d5--, (e4 = r4[c4]) && (e4.__u |= 2)), e4 && e4.__v ? (o5.__u |= 16, c4 == l4 - 1 ? _4-- : c4 == l4 + 1 ? _4++ : c4 != l4 && (c4 > l4 ? _4-- : _4++, g5 = 1)) : (~c4 || (i4 > v4 ? _4-- : i4 < v4 && _4++), typeof o5.type != "function" && (o5.__u |= 4))) : k4[f5] = null;
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
		if (typeof n3.type == "function") {
			if (n3.props.__P) return t4;
			if (i4 = n3.__k) for (f5 = 0; f5 < i4.length; f5++) i4[f5] && (i4[f5].__ = n3, t4 = A(i4[f5], t4, r4, !1));
			return t4;
		}
		for (t4 && !t4.parentNode && (t4 = S(n3)) && !t4.parentNode && (t4 = null), o5 = n3.__e, e4 = t4; e4 && e4.nodeType == 8; ) e4 = e4.nextSibling;
		for (o5 != e4 && (!u4 && r4.moveBefore && o5.parentNode ? r4.moveBefore(o5, t4) : r4.insertBefore(o5, t4 || null)), t4 = o5; (t4 = t4 && t4.nextSibling) && t4.nodeType == 8 && !t4.data.startsWith("$s"); ) ;
		return t4;
	}
	function P(n3, t4, r4, u4) {
		var i4, f5 = n3.key, o5 = n3.type, e4 = t4[r4], l4 = e4 && !(2 & e4.__u);
		if (e4 === null && f5 == null || l4 && f5 == e4.key && o5 == e4.type) return r4;
		if (u4 > (l4 ? 1 : 0)) {
			for (i4 = r4 - 1; i4 >= 0; i4--) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
			for (i4 = r4 + 1; i4 < t4.length; i4++) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
		}
		return -1;
	}
	function T(n3, t4, r4) {
		r4 == null && (r4 = ""), t4[0] == "-" ? n3.setProperty(t4, r4) : n3[t4] = r4;
	}
	function N(n3, t4, r4, u4, i4) {
		var f5, o5;
		if (t4 == "style") if (typeof r4 == "string") n3.style.cssText = r4;
		else {
			if (typeof u4 == "string" && (n3.style.cssText = u4 = ""), u4) for (t4 in u4) r4 && t4 in r4 || T(n3.style, t4);
			if (r4) for (t4 in r4) u4 && r4[t4] == u4[t4] || T(n3.style, t4, r4[t4]);
		}
		else if (t4[0] == "o" && t4[1] == "n") typeof r4 != "function" && (r4 = null), typeof u4 != "function" && (u4 = null), (n3.__e || (n3.__e = {}))[t4] = r4, r4 && u4 || (o5 = a[t4] || (a[t4] = V(t4)), (n3.__a || (n3.__a = {}))[t4] = c, f5 = t4 != (t4 = t4.replace(l, "$1")), (t4 = t4.slice(2))[0] < "a" && (t4 = t4.toLowerCase()), r4 ? n3.addEventListener(t4, o5, f5) : n3.removeEventListener(t4, o5, f5));
		else {
			if (i4 == "http://www.w3.org/2000/svg") t4 = t4.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
			else if (t4 != "width" && t4 != "height" && t4 != "href" && t4 != "list" && t4 != "form" && t4 != "tabIndex" && t4 != "download" && t4 != "rowSpan" && t4 != "colSpan" && t4 != "role" && t4 != "popover" && t4 in n3) try {
				return void (n3[t4] = r4 ?? "");
			} catch {
			}
			if (typeof r4 == "function") return;
			r4 == null || r4 === !1 && t4[4] != "-" ? n3.removeAttribute(t4) : n3.setAttribute(t4, t4 == "popover" && r4 == 1 ? "" : r4);
		}
	}
	function V(t4) {
		return function(r4) {
			var u4 = this.__e;
			if (u4) {
				if (u4 = u4[t4], r4[e] == null) r4[e] = c++;
				else if (r4[e] < this.__a[t4]) return;
				return u4(n.event ? n.event(r4) : r4);
			}
		};
	}
	function z(t4, r4, u4, i4, f5, o5, e4, l4, c4, a5) {
		var s4, p5, v4, d5, k4, b4, m5, M2, C3, j3, L2, H2, q2, A4, O2, P3, T4, N2, V2 = r4.type;
		if (r4.constructor !== h) return null;
		128 & u4.__u && (c4 = 32 & u4.__u, s4 = u4.__c.__z) && (r4.__u |= c4, p5 = o5 = [], s4.nodeType == 8 ? l4 = B(s4, o5) : o5.push(s4), l4 = o5[0] || l4), (s4 = n.__b) && s4(r4);
		n: if (typeof V2 == "function") {
			v4 = e4.length;
			try {
				if (M2 = r4.props, C3 = (s4 = V2.prototype) && s4.render, j3 = (s4 = V2.contextType) && i4[s4.__c], L2 = s4 ? j3 ? j3.props.value : s4.__ : i4, (d5 = u4.__c) ? (r4.__c = d5, 2 & d5.__g && (d5.__g |= 1)) : (C3 ? r4.__c = d5 = new V2(M2, L2) : (r4.__c = d5 = new x(M2, L2), d5.constructor = V2, d5.render = K), j3 && j3.sub(d5), d5.state || (d5.state = {}), d5.__n = i4, d5.__g |= 8, d5.__h = [], d5.__k = []), C3 && (d5.__s || (d5.__s = d5.state), V2.getDerivedStateFromProps && (d5.__s == d5.state && (d5.__s = _({}, d5.__s)), _(d5.__s, V2.getDerivedStateFromProps(M2, d5.__s)))), k4 = d5.props, b4 = d5.state, d5.__v = r4, u4.__c) {
					if (M2 !== k4 && C3 && !V2.getDerivedStateFromProps && d5.componentWillReceiveProps && d5.componentWillReceiveProps(M2, L2), r4.__v == u4.__v && !(8 & d5.__g) || !(4 & d5.__g) && d5.shouldComponentUpdate && d5.shouldComponentUpdate(M2, d5.__s, L2) === !1) {
						r4.__v != u4.__v && (d5.props = M2, d5.state = d5.__s, d5.__g &= -9), r4.__e = u4.__e, r4.__k = u4.__k, r4.__k.some(function(n3) {
							n3 && (n3.__ = r4);
						}), y.push.apply(d5.__h, d5.__k), d5.__k = [], d5.__h.length && e4.push(d5), l4 = S(u4);
						break n;
					}
					d5.componentWillUpdate && d5.componentWillUpdate(M2, d5.__s, L2), C3 && d5.componentDidUpdate && d5.__h.push(function() {
						d5.componentDidUpdate(k4, b4, m5);
					});
				} else C3 && !V2.getDerivedStateFromProps && d5.componentWillMount && d5.componentWillMount(), C3 && d5.componentDidMount && d5.__h.push(d5.componentDidMount);
				d5.context = L2, d5.props = M2, d5.__P = t4, d5.__g &= -5, H2 = n.__r, q2 = C3 ? 25 : 0;
				do
					d5.__g &= -9, H2 && H2(r4), s4 = d5.render(d5.props, d5.state = d5.__s, d5.context);
				while (8 & d5.__g && ++q2 < 25);
				C3 && (y.push.apply(d5.__h, d5.__k), d5.__k = []), d5.state = d5.__s, d5.getChildContext && (i4 = _({}, i4, d5.getChildContext())), C3 && u4.__c && d5.getSnapshotBeforeUpdate && (m5 = d5.getSnapshotBeforeUpdate(k4, b4)), A4 = s4 && s4.type === $ && s4.key == null ? s4.props.children : s4, M2.__P && (s4 = l4, f5 = (t4 = M2.__P).namespaceURI, c4 = o5 = null, u4.props && u4.props.__P != t4 && (u4.__k.some(function(n3) {
					n3 && J(n3, n3);
				}), u4.__k = null), l4 = u4.__k ? S(u4, 0) : null), l4 = I(t4, w(A4) ? A4 : [A4], r4, u4, i4, f5, o5, e4, l4, c4, a5), M2.__P && (r4.__e = null, l4 = s4), r4.__u &= -161, p5 && p5.some(g), d5.__h.length && e4.push(d5), 1 & d5.__g && (d5.__g &= -4);
			} catch (t5) {
				if (e4.length = v4, r4.__v = null, c4 || o5) if (t5 && t5.then) {
					if (r4.__u |= 128 | c4, o5) {
						for (~(T4 = o5.indexOf(l4 || void 0)) || (T4 = o5.length); (N2 = o5[T4 - 1]) && N2.nodeType == 8; ) T4--;
						for (; T4 < o5.length; T4++) if (N2 = o5[T4]) if (o5[T4] = null, O2) {
							if (N2 == P3) break;
						} else {
							if (N2.nodeType != 8) break;
							N2.data.startsWith("$s") && (P3 = B(O2 = N2));
						}
					}
					if (!O2) {
						for (; l4 && l4.nodeType == 8 && l4.nextSibling; ) l4 = l4.nextSibling;
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
		if (n3 && n3.nodeType == 8 && n3.data.startsWith("$s")) for (var r4 = 1; n3 = n3.nextSibling; ) {
			if (n3.nodeType == 8) {
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
		var s4, h5, y5, _4, k4, b4, m5, M2, $2 = u4.props || p, x3 = r4.props, C3 = r4.type;
		if (C3 == "svg" ? f5 = "http://www.w3.org/2000/svg" : C3 == "math" ? f5 = "http://www.w3.org/1998/Math/MathML" : f5 || (f5 = "http://www.w3.org/1999/xhtml"), o5) {
			for (s4 = 0; s4 < o5.length; s4++) if ((k4 = o5[s4]) && (C3 ? k4.localName == C3 : k4.nodeType == 3)) {
				t4 = k4, o5[s4] = null;
				break;
			}
		}
		if (!t4) {
			if (M2 = a5.ownerDocument || document, !C3) return M2.createTextNode(x3);
			t4 = M2.createElementNS(f5, C3, x3.is ? x3 : a5), l4 && (n.__m && n.__m(r4, o5), l4 = !1), o5 = null;
		}
		if (C3) {
			if (a5 = C3 == "template" && t4.content || t4, o5 = C3 == "textarea" && x3.defaultValue != null ? null : o5 && d.call(a5.childNodes), !l4 && o5) for ($2 = {}, s4 = 0; s4 < t4.attributes.length; s4++) $2[(k4 = t4.attributes[s4]).name] = k4.value;
			for (s4 in $2) k4 = $2[s4], s4 == "dangerouslySetInnerHTML" ? y5 = k4 : s4 == "children" || s4 in x3 || s4 == "value" && "defaultValue" in x3 || s4 == "checked" && "defaultChecked" in x3 || N(t4, s4, null, k4, f5);
			for (s4 in x3) k4 = x3[s4], s4 == "children" ? _4 = k4 : s4 == "dangerouslySetInnerHTML" ? h5 = k4 : s4 == "value" ? b4 = k4 : s4 == "checked" ? m5 = k4 : l4 && typeof k4 != "function" || $2[s4] === k4 || N(t4, s4, k4, $2[s4], f5);
			h5 ? (l4 || y5 && (h5.__html == y5.__html || h5.__html == t4.innerHTML) || (t4.innerHTML = h5.__html), r4.__k = []) : (y5 && (t4.textContent = ""), (C3 == "foreignObject" || f5 == "http://www.w3.org/1998/Math/MathML" && v.test(C3)) && (f5 = "http://www.w3.org/1999/xhtml"), I(a5, w(_4) ? _4 : [_4], r4, u4, i4, f5, o5, e4, o5 ? o5[0] : u4.__k && S(u4, 0), l4, c4), o5 && o5.some(g)), l4 && C3 != "textarea" || (s4 = "value", C3 == "progress" && b4 == null ? t4.removeAttribute(s4) : b4 == null || b4 === t4[s4] && (C3 != "progress" || b4) || N(t4, s4, b4, $2[s4], f5), s4 = "checked", m5 != null && m5 != t4[s4] && N(t4, s4, m5, $2[s4], f5));
		} else $2 === x3 || l4 && t4.data == x3 || (t4.data = x3);
		return t4;
	}
	function G(t4, r4, u4, i4) {
		try {
			typeof t4 == "function" ? r4 ? r4.__x = t4(r4) || 1 : i4 && (i4 = i4.__c || i4.__e) && (r4 = i4.__x) && (i4.__x = null, typeof r4 == "function" ? r4() : t4(null)) : t4.current = r4;
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
		if (i4 = t4.__k) for (e4 = 0; e4 < i4.length; e4++) i4[e4] && J(i4[e4], r4, typeof t4.type != "function" || u4 && !t4.props.__P);
		!u4 && (i4 = t4.__c) && (i4 = i4.__z) && (f5 = B(i4, o5 = [])) && (i4 == t4.__e && o5.some(g), g(f5), g(i4)), u4 || g(t4.__e), t4.__e = t4.__c = t4.__ = null;
	}
	function K(n3, t4, r4) {
		return this.constructor(n3, r4);
	}
	function Q(t4, r4) {
		var u4, i4, f5, o5;
		n.__ && n.__(t4, r4), r4.nodeType == 9 && (r4 = r4.documentElement), i4 = (u4 = t4 && 32 & t4.__u) ? null : r4.__k, r4.__k = m($, { children: [t4] }), f5 = [], o5 = [], z(r4, r4.__k, i4 || p, p, r4.namespaceURI, i4 ? null : r4.firstChild ? d.call(r4.childNodes) : null, f5, i4 ? i4.__e : r4.firstChild, u4, o5), E(f5, r4.__k, o5), r4.__k.props.children = null;
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
		return n3 != null && n3.constructor === h;
	}, x.prototype.setState = function(n3, t4) {
		var r4 = this.__s;
		r4 && r4 != this.state || (r4 = this.__s = _({}, this.state)), typeof n3 == "function" && (n3 = n3(_({}, r4), this.props)), n3 && (_(r4, n3), this.__v && (t4 && this.__k.push(t4), L(this)));
	}, x.prototype.forceUpdate = function(n3) {
		this.__v && (this.__g |= 4, n3 && this.__h.push(n3), L(this));
	}, x.prototype.render = $, u = [], f = 0, o = function(n3, t4) {
		return n3.__v.__b - t4.__v.__b;
	}, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

	// node_modules/preact/hooks/dist/hooks.mjs
	var t2, r2, u2, i2, o2 = Object.is, f2 = 0, c2 = [], e2 = [], a2 = n, v2 = a2.__b, l2 = a2.__r, m2 = a2.diffed, h2 = a2.__c, s2 = a2.unmount, p2 = a2.__;
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
			r2.__f = !0;
			var c4 = r2.shouldComponentUpdate;
			r2.shouldComponentUpdate = function(n4, t4, r4) {
				var u5 = this.__H;
				if (!u5) return !0;
				var i5 = !1, f6 = this.props != n4;
				if (u5.__.some(function(n5) {
					n5.__N && (i5 = !0, o2(n5.__[0], n5.__N[0]) || (f6 = !0));
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
		!a2.__s && E2(i4.__H, u4) && (i4.__P = !0, i4.__ = n3, i4.u = u4, r2.__H.__h.push(i4));
	}
	function F2(n3, u4) {
		var i4 = y2(t2++, 4);
		!a2.__s && E2(i4.__H, u4) && (i4.__P = !1, i4.__ = n3, i4.u = u4, r2.__h.push(i4));
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
					if (r4 === void 0) {
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
	var k2 = typeof requestAnimationFrame == "function";
	function z2(n3) {
		var t4, r4 = function() {
			clearTimeout(u4), k2 && cancelAnimationFrame(t4), setTimeout(n3);
		}, u4 = setTimeout(r4, 35);
		k2 && (t4 = requestAnimationFrame(r4));
	}
	function B2(n3) {
		n3 != 1 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
	}
	function C2(n3) {
		var t4 = r2, u4 = n3.__c;
		typeof u4 == "function" && (n3.__c = void 0, u4()), r2 = t4;
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
		return typeof t4 == "function" ? t4(n3) : t4;
	}

	// node_modules/@preact/signals-core/dist/signals-core.module.js
	var i3 = /* @__PURE__ */ Symbol.for("preact-signals");
	function t3() {
		if (v3 > 1)
			v3--;
		else {
			var i4, t4 = !1;
			for ((function() {
				var i5 = c3;
				for (c3 = void 0; i5 !== void 0; ) {
					var t5 = i5.S;
					if (t5.v === i5.v) for (var r5 = t5.t; r5 !== void 0; r5 = r5.x) r5.i === i5.i && (r5.i = t5.i);
					i5 = i5.o;
				}
			})(); h3 !== void 0; ) {
				var r4 = h3;
				for (h3 = void 0, s3++; r4 !== void 0; ) {
					var n3 = r4.u;
					if (r4.u = void 0, r4.f &= -3, !(8 & r4.f) && w3(r4)) try {
						r4.c();
					} catch (r5) {
						t4 || (i4 = r5, t4 = !0);
					}
					r4 = n3;
				}
			}
			if (s3 = 0, v3--, t4) throw i4;
		}
	}
	function r3(i4) {
		if (v3 > 0) return i4();
		u3 = ++e3, v3++;
		try {
			return i4();
		} finally {
			t3();
		}
	}
	var n2, o3 = void 0;
	function f3(i4) {
		var t4 = o3, r4 = n2;
		o3 = void 0, n2 = void 0;
		try {
			return i4();
		} finally {
			o3 = t4, n2 = r4;
		}
	}
	var h3 = void 0, v3 = 0, s3 = 0, e3 = 0, u3 = 0, c3 = void 0, a3 = 0;
	function d3(i4) {
		if (o3 !== void 0) {
			var t4 = i4.n;
			if (t4 === void 0 || t4.t !== o3)
				return t4 = { i: 0, S: i4, p: o3.s, n: void 0, t: o3, e: void 0, x: void 0, r: t4 }, o3.s !== void 0 && (o3.s.n = t4), o3.s = t4, i4.n = t4, 32 & o3.f && i4.S(t4), t4;
			if (t4.i === -1)
				return t4.i = 0, t4.n !== void 0 && (t4.n.p = t4.p, t4.p !== void 0 && (t4.p.n = t4.n), t4.p = o3.s, t4.n = void 0, o3.s.n = t4, o3.s = t4), t4;
		}
	}
	function l3(i4, t4) {
		this.v = i4, this.i = 0, this.n = void 0, this.t = void 0, this.l = 0, this.W = t4?.watched, this.Z = t4?.unwatched, this.name = t4?.name;
	}
	l3.prototype.brand = i3;
	l3.prototype.h = function() {
		return !0;
	};
	l3.prototype.S = function(i4) {
		var t4 = this, r4 = this.t;
		r4 !== i4 && i4.e === void 0 && (i4.x = r4, this.t = i4, r4 !== void 0 ? r4.e = i4 : f3(function() {
			var i5;
			(i5 = t4.W) == null || i5.call(t4);
		}));
	};
	l3.prototype.U = function(i4) {
		var t4 = this;
		if (this.t !== void 0) {
			var r4 = i4.e, n3 = i4.x;
			r4 !== void 0 && (r4.x = n3, i4.e = void 0), n3 !== void 0 && (n3.e = r4, i4.x = void 0), i4 === this.t && (this.t = n3, n3 === void 0 && f3(function() {
				var i5;
				(i5 = t4.Z) == null || i5.call(t4);
			}));
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
		return i4 !== void 0 && (i4.i = this.i), this.v;
	}, set: function(i4) {
		if (i4 !== this.v) {
			if (s3 > 100) throw new Error("Cycle detected");
			(function(i5) {
				v3 !== 0 && s3 === 0 && i5.l !== u3 && (i5.l = u3, c3 = { S: i5, v: i5.v, i: i5.i, o: c3 });
			})(this), this.v = i4, this.i++, a3++, v3++;
			try {
				for (var r4 = this.t; r4 !== void 0; r4 = r4.x) r4.t.N();
			} finally {
				t3();
			}
		}
	} });
	function y3(i4, t4) {
		return new l3(i4, t4);
	}
	function w3(i4) {
		for (var t4 = i4.s; t4 !== void 0; t4 = t4.n) if (t4.S.i !== t4.i || !t4.S.h() || t4.S.i !== t4.i) return !0;
		return !1;
	}
	function b2(i4) {
		for (var t4 = i4.s; t4 !== void 0; t4 = t4.n) {
			var r4 = t4.S.n;
			if (r4 !== void 0 && (t4.r = r4), t4.S.n = t4, t4.i = -1, t4.n === void 0) {
				i4.s = t4;
				break;
			}
		}
	}
	function _3(i4) {
		for (var t4 = i4.s, r4 = void 0; t4 !== void 0; ) {
			var n3 = t4.p;
			t4.i === -1 ? (t4.S.U(t4), n3 !== void 0 && (n3.n = t4.n), t4.n !== void 0 && (t4.n.p = n3)) : r4 = t4, t4.S.n = t4.r, t4.r !== void 0 && (t4.r = void 0), t4 = n3;
		}
		i4.s = r4;
	}
	function j2(i4, t4) {
		l3.call(this, void 0, t4), this.x = i4, this.s = void 0, this.g = a3 - 1, this.f = 4;
	}
	j2.prototype = new l3();
	j2.prototype.h = function() {
		if (this.f &= -3, 1 & this.f) return !1;
		if ((36 & this.f) == 32 || (this.f &= -5, this.g === a3)) return !0;
		if (this.g = a3, this.f |= 1, this.i > 0 && !w3(this))
			return this.f &= -2, !0;
		var i4 = o3;
		try {
			b2(this), o3 = this;
			var t4 = this.x();
			(16 & this.f || this.v !== t4 || this.i === 0) && (this.v = t4, this.f &= -17, this.i++);
		} catch (i5) {
			this.v = i5, this.f |= 16, this.i++;
		}
		return o3 = i4, _3(this), this.f &= -2, !0;
	};
	j2.prototype.S = function(i4) {
		if (this.t === void 0) {
			this.f |= 36;
			for (var t4 = this.s; t4 !== void 0; t4 = t4.n) t4.S.S(t4);
		}
		l3.prototype.S.call(this, i4);
	};
	j2.prototype.U = function(i4) {
		if (this.t !== void 0 && (l3.prototype.U.call(this, i4), this.t === void 0)) {
			this.f &= -33;
			for (var t4 = this.s; t4 !== void 0; t4 = t4.n) t4.S.U(t4);
		}
	};
	j2.prototype.N = function() {
		if (!(2 & this.f)) {
			this.f |= 6;
			for (var i4 = this.t; i4 !== void 0; i4 = i4.x) i4.t.N();
		}
	};
	Object.defineProperty(j2.prototype, "value", { get: function() {
		if (1 & this.f) throw new Error("Cycle detected");
		var i4 = d3(this);
		if (this.h(), i4 !== void 0 && (i4.i = this.i), 16 & this.f) throw this.v;
		return this.v;
	} });
	function O(i4, t4) {
		return new j2(i4, t4);
	}
	function p3(i4) {
		var r4 = i4.j;
		if (i4.j = void 0, typeof r4 == "function") {
			v3++;
			var n3 = o3;
			o3 = void 0;
			try {
				r4();
			} catch (t4) {
				throw i4.f &= -2, i4.f |= 8, g3(i4), t4;
			} finally {
				o3 = n3, t3();
			}
		}
	}
	function g3(i4) {
		for (var t4 = i4.s; t4 !== void 0; t4 = t4.n) t4.S.U(t4);
		i4.x = void 0, i4.s = void 0, p3(i4);
	}
	function S2(i4) {
		if (o3 !== this) throw new Error("Out-of-order effect");
		_3(this), o3 = i4, this.f &= -2;
		try {
			8 & this.f && g3(this);
		} finally {
			t3();
		}
	}
	function m3(i4, t4) {
		this.x = i4, this.j = void 0, this.s = void 0, this.u = void 0, this.f = 32, this.name = t4?.name, n2 && n2.push(this);
	}
	m3.prototype.c = function() {
		var i4 = this.S();
		try {
			if (8 & this.f || this.x === void 0) return;
			var t4 = this.x();
			typeof t4 == "function" && (this.j = t4);
		} finally {
			i4();
		}
	};
	m3.prototype.S = function() {
		if (1 & this.f) throw new Error("Cycle detected");
		this.f |= 1, this.f &= -9, p3(this), b2(this), v3++;
		var i4 = o3;
		return o3 = this, S2.bind(this, i4);
	};
	m3.prototype.N = function() {
		2 & this.f || (this.f |= 2, this.u = h3, h3 = this);
	};
	m3.prototype.d = function() {
		this.f |= 8, 1 & this.f || g3(this);
	};
	m3.prototype.dispose = function() {
		this.d();
	};
	function x2(i4, t4) {
		var r4 = new m3(i4, t4);
		try {
			r4.c();
		} catch (i5) {
			throw r4.d(), i5;
		}
		var n3 = r4.d.bind(r4);
		return n3[Symbol.dispose] = n3, n3;
	}

	// node_modules/@preact/signals/dist/signals.module.js
	var h4, d4, p4, m4 = typeof window < "u" && !!window.__PREACT_SIGNALS_DEVTOOLS__;
	var g4 = [];
	x2(function() {
		h4 = this.N;
	})();
	function b3(i4, n3) {
		n[i4] = n3.bind(null, n[i4] || function() {
		});
	}
	function y4(i4) {
		if (p4) {
			var n3 = p4;
			p4 = void 0, n3();
		}
		p4 = i4 && i4.S();
	}
	function w4(i4) {
		var n3 = this, r4 = i4.data, t4 = useSignal(r4);
		t4.name = "ReactiveDom", t4.value = r4;
		var e4 = w2(function() {
			for (var i5 = n3, r5 = n3.__v; r5 = r5.__; ) if (r5.__c) {
				r5.__c.__$f |= 4;
				break;
			}
			var o5 = O(function() {
				var i6 = t4.value.value;
				return i6 === 0 ? 0 : i6 === !0 ? "" : i6 || "";
			}), e5 = O(function() {
				return !Array.isArray(o5.value) && !r(o5.value);
			}), u5 = x2(function() {
				if (this.N = M, e5.value) {
					var n4 = o5.value;
					i5.__v && i5.__v.__e && i5.__v.__e.nodeType === 3 && (i5.__v.__e.data = n4);
				}
			}), c5 = n3.__$u.d;
			return n3.__$u.d = function() {
				u5(), c5.call(this);
			}, [e5, o5];
		}, []), u4 = e4[0], c4 = e4[1];
		return u4.value ? c4.peek() : c4.value;
	}
	w4.displayName = "ReactiveTextNode";
	Object.defineProperties(l3.prototype, { constructor: { configurable: !0, value: k($, null).constructor }, type: { configurable: !0, value: w4 }, props: { configurable: !0, get: function() {
		var i4 = this;
		return { data: { get value() {
			return i4.value;
		} } };
	} }, __b: { configurable: !0, value: 1 } });
	b3("__b", function(i4, n3) {
		if (y4(), d4 = void 0, typeof n3.type == "string") {
			var r4, t4 = n3.props;
			for (var f5 in t4) if (f5 !== "children") {
				var o5 = t4[f5];
				o5 instanceof l3 && (r4 || (n3.__np = r4 = {}), r4[f5] = o5, t4[f5] = o5.peek());
			}
		}
		i4(n3);
	});
	b3("__r", function(i4, r4) {
		if (i4(r4), r4.type !== $) {
			y4();
			var t4, f5 = r4.__c;
			f5 && (f5.__$f &= -2, (t4 = f5.__$u) === void 0 && (f5.__$u = t4 = (function(i5, n3) {
				var r5;
				return x2(function() {
					r5 = this;
				}, { name: n3 }), r5.c = i5, r5;
			})(/* @__PURE__ */ (function(i5) {
				return function() {
					var n3;
					m4 && ((n3 = this.y) == null || n3.call(this)), i5.__$f |= 1, i5.setState({});
				};
			})(f5), typeof r4.type == "function" ? r4.type.displayName || r4.type.name : ""))), d4 = f5, y4(t4);
		}
	});
	b3("__e", function(i4, n3, r4, t4) {
		y4(), d4 = void 0, i4(n3, r4, t4);
	});
	b3("diffed", function(i4, n3) {
		y4(), d4 = void 0;
		var r4;
		if (typeof n3.type == "string" && (r4 = n3.__e)) {
			var t4 = n3.__np, f5 = n3.props, o5 = r4.U;
			if (o5) for (var e4 in o5) {
				var u4 = o5[e4];
				u4 === void 0 || t4 && e4 in t4 || (u4.d(), o5[e4] = void 0);
			}
			if (t4) {
				o5 || (o5 = {}, r4.U = o5);
				for (var a5 in t4) {
					var c4 = o5[a5], v4 = t4[a5];
					c4 === void 0 ? (c4 = k3(r4, a5, v4, f5), o5[a5] = c4) : c4.o(v4, f5);
				}
			}
		}
		i4(n3);
	});
	function k3(i4, n3, r4, t4) {
		var f5 = n3 in i4 && i4.ownerSVGElement === void 0, o5 = y3(r4);
		return { o: function(i5, n4) {
			o5.value = i5, t4 = n4;
		}, d: x2(function() {
			this.N = M;
			var r5 = o5.value.value;
			t4[n3] !== r5 && (t4[n3] = r5, f5 ? i4[n3] = r5 : r5 != null && (r5 !== !1 || n3[4] === "-") ? i4.setAttribute(n3, r5) : i4.removeAttribute(n3));
		}) };
	}
	b3("unmount", function(i4, n3) {
		if (typeof n3.type == "string") {
			var r4 = n3.__e;
			if (r4) {
				var t4 = r4.U;
				if (t4) {
					r4.U = void 0;
					for (var f5 in t4) {
						var o5 = t4[f5];
						o5 && o5.d();
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
				v4 && (c4.__$u = void 0, v4.d());
			}
		}
		i4(n3);
	});
	b3("__h", function(i4, n3, r4, t4) {
		t4 < 3 && (n3.__$f |= 2), i4(n3, r4, t4);
	});
	x.prototype.shouldComponentUpdate = function(i4, n3) {
		if (this.__R) return !0;
		var r4 = this.__$u, t4 = r4 && r4.s !== void 0;
		for (var f5 in n3) return !0;
		if (this.__f || typeof this.u == "boolean" && this.u === !0) {
			var o5 = 2 & this.__$f;
			if (!(t4 || o5 || 4 & this.__$f) || 1 & this.__$f) return !0;
		} else if (!(t4 || 4 & this.__$f) || 3 & this.__$f) return !0;
		for (var e4 in i4) if (e4 !== "__source" && i4[e4] !== this.props[e4]) return !0;
		for (var u4 in this.props) if (!(u4 in i4)) return !0;
		return !1;
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
	function F3() {
		r3(function() {
			for (var i4; i4 = g4.shift(); ) h4.call(i4);
		});
	}
	function M() {
		g4.push(this) === 1 && (n.requestAnimationFrame || A3)(F3);
	}

	// src/router.ts
	var BASE = "/ui", place = y3(read());
	function read() {
		let { pathname, search } = globalThis.location ?? { pathname: BASE, search: "" }, path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
		return { path: path === "" ? "/" : path.replace(/(.)\/$/, "$1"), params: new URLSearchParams(search) };
	}
	globalThis.addEventListener?.("popstate", () => {
		place.value = read();
	});
	function hrefOf(path, params) {
		let query = params === void 0 ? "" : readable(params);
		return BASE + path + (query === "" ? "" : `?${query}`);
	}
	function readable(params) {
		return params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%28", "(").replaceAll("%29", ")").replaceAll("%27", "'");
	}
	function navigate(path, params, replace = !1) {
		let href = hrefOf(path, params);
		if (href === location.pathname + location.search)
			return;
		replace ? history.replaceState(null, "", href) : history.pushState(null, "", href);
		let before = place.value.path;
		place.value = read(), place.value.path !== before && !replace && scrollTo(0, 0);
	}

	// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
	var f4 = /* @__PURE__ */ Symbol.for("pv"), o4 = 0;
	function a4(t4, e4, n3, u4, a5, i4) {
		e4 || (e4 = {});
		var c4, l4, p5 = e4;
		if ("ref" in p5 && typeof t4 != "function") for (l4 in p5 = {}, e4) l4 == "ref" ? c4 = e4[l4] : p5[l4] = e4[l4];
		var s4 = { type: t4, props: p5, key: n3, ref: c4, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: f4, __v: --o4, __i: -1, __u: 0 };
		return (a5 || i4) && (s4.__source = a5, s4.__self = i4), n.vnode && n.vnode(s4), s4;
	}

	// src/components/basic.tsx
	function Button({ kind = "plain", type = "button", class: more, ...rest }) {
		return a4("button", { type, class: `button ${kind} ${more ?? ""}`.trim(), ...rest });
	}
	function Link({ to, params, current, onGo, children, ...rest }) {
		let go = (event) => {
			event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey && (event.preventDefault(), onGo?.(), navigate(to, params));
		};
		return a4("a", { href: hrefOf(to, params), onClick: go, "aria-current": current ? "page" : void 0, ...rest, children });
	}
	function Chip({ label, tone = "plain", onRemove, children }) {
		return a4("span", { class: `chip ${tone}`, title: label, children: [
			a4("span", { class: "chip-text", children }),
			onRemove && a4("button", { type: "button", class: "chip-remove", "aria-label": `Remove ${label}`, onClick: onRemove, children: "×" })
		] });
	}
	function Loading({ label = "Loading" }) {
		return a4("div", { class: "loading", role: "status", children: [
			a4("span", { class: "loading-dots", "aria-hidden": "true" }),
			label,
			"…"
		] });
	}
	function Empty({ title, children }) {
		return a4("div", { class: "empty", children: [
			a4("p", { class: "empty-title", children: title }),
			children
		] });
	}
	function PageHeading({ title, children }) {
		return a4("div", { class: "page-heading", children: [
			a4("h1", { children: title }),
			children && a4("div", { class: "page-actions", children })
		] });
	}
	function Field({ label, hint, error, children }) {
		let id = P2(), notes = hint || error ? `${id}-notes` : void 0;
		return a4("div", { class: "field", children: [
			a4("label", { class: "field-label", for: id, children: label }),
			b(children, { id, "aria-describedby": notes }),
			notes && a4("div", { id: notes, children: [
				hint && a4("div", { class: "field-hint", children: hint }),
				error && a4("div", { class: "field-error", role: "alert", children: error })
			] })
		] });
	}

	// src/components/dialog.tsx
	function Dialog({ title, onClose, wide, children, actions }) {
		let element = T2(null), id = P2();
		return A2(() => {
			let dialog = element.current;
			return dialog?.showModal(), () => dialog?.close();
		}, []), a4(
			"dialog",
			{
				ref: element,
				class: wide ? "dialog wide" : "dialog",
				"aria-labelledby": id,
				onCancel: (event) => {
					event.preventDefault(), onClose();
				},
				onClick: (event) => event.target === element.current && onClose(),
				children: a4("div", { class: "dialog-body", children: [
					a4("header", { children: [
						a4("h2", { id, children: title }),
						a4("button", { type: "button", class: "button quiet icon", "aria-label": "Close", onClick: onClose, children: "×" })
					] }),
					children,
					actions && a4("footer", { children: actions })
				] })
			}
		);
	}

	// src/components/popover.tsx
	var EDGE = 8;
	function Popover({ label, name, class: more, openRequest, children }) {
		let [open2, setOpen] = d2(!1), button = T2(null), panel = T2(null), id = P2();
		A2(() => {
			let element = panel.current;
			if (element === null)
				return;
			let toggled2 = (event) => {
				let opened = event.newState === "open";
				setOpen(opened), !opened && document.activeElement === document.body && button.current?.focus();
			};
			return element.addEventListener("toggle", toggled2), () => element.removeEventListener("toggle", toggled2);
		}, []), A2(() => {
			openRequest !== void 0 && openRequest > 0 && panel.current?.showPopover();
		}, [openRequest]), A2(() => {
			if (!open2 || button.current === null || panel.current === null)
				return;
			let place2 = () => beside(button.current, panel.current);
			return place2(), ((matchMedia("(pointer: coarse)").matches ? void 0 : firstControl(panel.current)) ?? panel.current).focus(), addEventListener("resize", place2), addEventListener("scroll", place2, { passive: !0 }), () => {
				removeEventListener("resize", place2), removeEventListener("scroll", place2);
			};
		}, [open2]);
		let close = () => {
			panel.current?.hidePopover(), button.current?.focus();
		};
		return a4($, { children: [
			a4(
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
			a4("div", { ref: panel, id, class: "popover", popover: "auto", tabIndex: -1, children: open2 && children(close) })
		] });
	}
	function firstControl(panel) {
		return panel.querySelector("input, select, [role^=menuitem], [role=option]") ?? void 0;
	}
	function beside(button, panel) {
		let at2 = button.getBoundingClientRect(), size = panel.getBoundingClientRect(), width = document.documentElement.clientWidth, below = at2.bottom + 4, fits = below + size.height <= innerHeight - EDGE || at2.top < innerHeight / 2, left = Math.max(EDGE, Math.min(at2.left, width - size.width - EDGE)), top = fits ? below : Math.max(EDGE, at2.top - size.height - 4);
		panel.style.left = `${left}px`, panel.style.top = `${top}px`, panel.style.maxHeight = `${Math.max(160, innerHeight - top - EDGE)}px`;
	}

	// src/components/menu.tsx
	function Menu({ label, name, class: more, items }) {
		return a4(Popover, { label, ...name ? { name } : {}, ...more ? { class: more } : {}, children: (close) => a4("div", { role: "menu", "aria-label": name, class: "menu", onKeyDown: moveFocus, children: items.map((item, index) => a4(Item, { item, close }, index)) }) });
	}
	function Item({ item, close }) {
		let content = a4($, { children: [
			a4("span", { children: item.label }),
			item.hint && a4("span", { class: "menu-hint", children: item.hint })
		] }), select = () => {
			close(), item.onSelect?.();
		};
		if (item.download !== void 0) {
			let { href, name } = item.download;
			return a4("a", { role: "menuitem", class: "menu-item", href, download: name, onClick: select, children: content });
		}
		return a4(
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
		let items = [...event.currentTarget.querySelectorAll("[role^=menuitem], [role=option], [role=tab]")], at2 = items.indexOf(document.activeElement), next = nextIndex(event.key, at2, items.length);
		next !== void 0 && (event.preventDefault(), items[next]?.focus());
	}
	function nextIndex(key3, at2, count2) {
		switch (key3) {
			case "ArrowDown":
			case "ArrowRight":
				return (at2 + 1) % count2;
			case "ArrowUp":
			case "ArrowLeft":
				return (at2 - 1 + count2) % count2;
			case "Home":
				return 0;
			case "End":
				return count2 - 1;
			default:
				return;
		}
	}

	// src/components/picker.tsx
	var SEARCH_FROM = 9, SHOWN = 200;
	function Picker(props) {
		let { name, options, selected, multiple, onSelect, onSearch, free, footer } = props, [text3, setText] = d2(""), id = P2(), wanted = text3.trim().toLowerCase(), found = onSearch ? options : options.filter(({ value: value2 }) => value2.toLowerCase().includes(wanted)), shown2 = found.slice(0, SHOWN), searchable = onSearch !== void 0 || free || options.length >= SEARCH_FROM, enter = (event) => {
			if (event.key === "Enter") {
				event.preventDefault();
				let first = shown2[0]?.value ?? (free && text3.trim() !== "" ? text3.trim() : void 0);
				first !== void 0 && onSelect(first);
			} else event.key === "ArrowDown" && (event.preventDefault(), document.getElementById(id)?.querySelector("[role=option]")?.focus());
		};
		return a4("div", { class: "picker", children: [
			searchable && a4(
				"input",
				{
					type: "search",
					class: "picker-search",
					"aria-label": `Search ${name}`,
					placeholder: "Search",
					autocomplete: "off",
					spellcheck: !1,
					value: text3,
					onKeyDown: enter,
					onInput: (event) => {
						setText(event.currentTarget.value), onSearch?.(event.currentTarget.value);
					}
				}
			),
			a4(
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
						shown2.map((option) => a4(
							Row,
							{
								option,
								chosen: selected.includes(option.value),
								onSelect
							},
							option.value
						)),
						shown2.length === 0 && a4("p", { class: "picker-none muted", children: "Nothing matches." })
					]
				}
			),
			found.length > shown2.length && a4("p", { class: "picker-none muted", children: [
				"And ",
				found.length - shown2.length,
				" more: type to find them."
			] }),
			footer
		] });
	}
	function Row({ option, chosen, onSelect }) {
		let { value: value2, label, hint } = option;
		return a4(
			"button",
			{
				type: "button",
				role: "option",
				"aria-selected": chosen,
				class: "menu-item",
				onClick: () => onSelect(value2),
				children: [
					a4("span", { class: "picker-label", children: [
						a4("span", { class: "picker-mark", "aria-hidden": "true", children: chosen ? "✓" : "" }),
						a4("bdi", { children: label ?? value2 })
					] }),
					hint && a4("span", { class: "menu-hint", children: hint })
				]
			}
		);
	}

	// src/json.ts
	var Decimal = class {
		constructor(text3) {
			this.text = text3;
		}
		text;
		/** The nearest double: for positions of pixels and for small counts, never for what is shown. */
		approx() {
			return Number(this.text);
		}
		toString() {
			return this.text;
		}
	}, SPACE = /[ \t\n\r]*/y, NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y, STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y, DEPTH = 200, Reader = class {
		constructor(text3) {
			this.text = text3;
		}
		text;
		at = 0;
		document() {
			let value2 = this.value(0);
			return this.match(SPACE), this.at !== this.text.length && this.fail(), value2;
		}
		value(depth) {
			switch (depth > DEPTH && this.fail(), this.match(SPACE), this.text[this.at]) {
				case "{":
					return this.object(depth);
				case "[":
					return this.array(depth);
				case '"':
					return this.string();
				case "t":
					return this.word("true", !0);
				case "f":
					return this.word("false", !1);
				case "n":
					return this.word("null", null);
				default:
					return new Decimal(this.match(NUMBER) || this.fail());
			}
		}
		object(depth) {
			let object = {};
			return this.items("}", () => {
				this.match(SPACE);
				let key3 = this.string();
				this.expect(":");
				let value2 = this.value(depth + 1);
				key3 === "__proto__" ? Object.defineProperty(object, key3, { value: value2, enumerable: !0 }) : object[key3] = value2;
			}), object;
		}
		array(depth) {
			let array = [];
			return this.items("]", () => array.push(this.value(depth + 1))), array;
		}
		items(end, item) {
			if (this.at += 1, this.match(SPACE), this.text[this.at] === end) {
				this.at += 1;
				return;
			}
			for (; ; ) {
				item(), this.match(SPACE);
				let next = this.text[this.at];
				if (this.at += 1, next === end)
					return;
				next !== "," && this.fail();
			}
		}
		string() {
			let quoted2 = this.match(STRING) || this.fail();
			return quoted2.includes("\\") ? JSON.parse(quoted2) : quoted2.slice(1, -1);
		}
		word(text3, value2) {
			return this.text.startsWith(text3, this.at) || this.fail(), this.at += text3.length, value2;
		}
		expect(character) {
			this.match(SPACE), this.text[this.at] !== character && this.fail(), this.at += 1;
		}
		match(pattern) {
			pattern.lastIndex = this.at;
			let found = pattern.exec(this.text)?.[0] ?? "";
			return this.at += found.length, found;
		}
		fail() {
			throw new SyntaxError(`not JSON at character ${this.at}`);
		}
	};
	function readJson(text3) {
		return new Reader(text3).document();
	}
	function writeJson(value2, indent = "", at2 = "") {
		if (value2 instanceof Decimal)
			return value2.text;
		if (value2 === null || typeof value2 != "object")
			return JSON.stringify(value2) ?? "null";
		let inner = at2 + indent, [open2, close, items] = Array.isArray(value2) ? ["[", "]", value2.map((item) => writeJson(item, indent, inner))] : ["{", "}", members(value2, indent, inner)];
		return items.length === 0 ? open2 + close : indent === "" ? open2 + items.join(",") + close : `${open2}
${inner}${items.join(`,
${inner}`)}
${at2}${close}`;
	}
	function members(object, indent, inner) {
		return Object.entries(object).filter(([, value2]) => value2 !== void 0).map(
			([key3, value2]) => `${JSON.stringify(key3)}:${indent === "" ? "" : " "}${writeJson(value2, indent, inner)}`
		);
	}

	// src/components/problem.tsx
	function ProblemView({ problem, children }) {
		let place2 = problem.parameter ?? problem.pointer;
		return a4("section", { class: "problem", role: "alert", children: [
			a4("p", { class: "problem-title", children: [
				problem.status > 0 && a4("span", { class: "problem-status", children: problem.status }),
				" ",
				problem.title
			] }),
			a4("p", { class: "problem-detail", children: withCode(problem.message) }),
			a4("p", { class: "problem-code", children: [
				a4("code", { children: problem.code }),
				place2 !== void 0 && a4($, { children: [
					" at ",
					a4("code", { children: place2 })
				] }),
				problem.retryAfter !== void 0 && ` · try again in ${problem.retryAfter} s`
			] }),
			children && a4("div", { class: "problem-actions", children }),
			problem.status > 0 && a4("details", { children: [
				a4("summary", { children: "Problem document" }),
				a4("pre", { children: writeJson(problem.fields, "  ") })
			] })
		] });
	}
	function withCode(text3) {
		return text3.split("`").map((part, at2) => at2 % 2 === 1 ? a4("code", { children: part }, at2) : part);
	}

	// src/components/table.tsx
	function Table({ caption, columns: columns2, rows, rowKey, onRow, foot }) {
		return a4("div", { class: "table-scroll", tabIndex: 0, role: "group", "aria-label": caption, children: a4("table", { children: [
			a4("caption", { class: "visually-hidden", children: caption }),
			a4("thead", { children: a4("tr", { children: columns2.map((column2) => a4("th", { scope: "col", class: column2.number ? "number" : void 0, children: column2.title }, column2.key)) }) }),
			a4("tbody", { children: rows.map((row, index) => a4(
				"tr",
				{
					class: onRow ? "clickable" : void 0,
					onClick: onRow ? (event) => onRow(row, event) : void 0,
					children: columns2.map((column2) => a4("td", { class: column2.number ? "number" : void 0, children: column2.render(row) }, column2.key))
				},
				rowKey(row, index)
			)) }),
			foot && a4("tfoot", { children: foot })
		] }) });
	}

	// src/components/tabs.tsx
	function Tabs({ label, tabs, current, onSelect }) {
		return a4("div", { class: "tabs", role: "tablist", "aria-label": label, onKeyDown: moveFocus, children: tabs.map(([name, title]) => a4(
			"button",
			{
				type: "button",
				role: "tab",
				"aria-selected": name === current,
				tabIndex: name === current ? 0 : -1,
				onClick: () => onSelect(name),
				children: title
			},
			name
		)) });
	}

	// src/components/tooltip.tsx
	function Tooltip({ text: text3, children }) {
		let [shown2, setShown] = d2(!1), id = P2();
		return a4(
			"span",
			{
				class: "tooltip",
				onMouseEnter: () => setShown(!0),
				onMouseLeave: () => setShown(!1),
				onFocusIn: () => setShown(!0),
				onFocusOut: () => setShown(!1),
				onKeyDown: (event) => event.key === "Escape" && setShown(!1),
				children: [
					a4("span", { tabIndex: 0, class: "tooltip-word", "aria-describedby": id, children }),
					a4("span", { role: "tooltip", id, class: "tooltip-text", hidden: !shown2, children: text3 })
				]
			}
		);
	}

	// src/api.ts
	var Problem = class extends Error {
		constructor(fields, status, retryAfter) {
			super(text(fields.detail) || text(fields.title) || `The service answered ${status}.`);
			this.fields = fields;
			this.status = status, this.code = text(fields.code) ?? (status === 0 ? "no_connection" : "unknown"), this.parameter = text(fields.parameter), this.pointer = text(fields.pointer), this.retryAfter = retryAfter;
		}
		fields;
		status;
		code;
		parameter;
		pointer;
		/** Seconds after which a new attempt makes sense, if the service said so. */
		retryAfter;
		get title() {
			return text(this.fields.title) ?? (this.status === 0 ? "No connection" : "Not answered");
		}
	};
	function isAbort(error) {
		return error instanceof DOMException && error.name === "AbortError";
	}
	function asProblem(error) {
		if (error instanceof Problem)
			return error;
		let detail = error instanceof Error ? error.message : String(error);
		return new Problem({ title: "The page failed", detail, code: "page_failed" }, 0);
	}
	var onUnauthorized = { call: () => {
	} };
	async function request(url, options = {}) {
		let response = await open(url, options), body = await response.text();
		return { value: isJson(response) && body !== "" ? readJson(body) : body === "" ? null : body, status: response.status, headers: response.headers };
	}
	async function get(url, signal) {
		return (await request(url, signal === void 0 ? {} : { signal })).value;
	}
	function withParams(path, params) {
		let query = new URLSearchParams();
		for (let [name, value2] of Object.entries(params))
			value2 !== void 0 && value2 !== "" && query.set(name, String(value2));
		let written2 = query.toString();
		return written2 === "" ? path : `${path}?${written2}`;
	}
	async function open(url, options) {
		let headers = new Headers({ Accept: "application/json", ...options.headers }), body;
		typeof options.body == "string" ? body = options.body : options.body !== void 0 && (body = writeJson(options.body), headers.has("Content-Type") || headers.set("Content-Type", "application/json"));
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
		if (response.ok)
			return response;
		let problem = await problemOf(response);
		throw problem.status === 401 && onUnauthorized.call(), problem;
	}
	async function problemOf(response) {
		let retry = Number(response.headers.get("Retry-After") ?? Number.NaN), fields = {};
		try {
			let body = await response.text(), value2 = isJson(response) ? readJson(body) : body === "" ? {} : { detail: body.slice(0, 500) };
			value2 !== null && typeof value2 == "object" && !Array.isArray(value2) && (fields = value2);
		} catch {
		}
		return new Problem(fields, response.status, Number.isFinite(retry) ? retry : void 0);
	}
	function isJson(response) {
		return /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get("Content-Type") ?? "");
	}
	function text(value2) {
		return typeof value2 == "string" ? value2 : void 0;
	}
	function follow(url, follower) {
		let control = new AbortController();
		return followUntil(url, follower, control.signal), () => control.abort();
	}
	var FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 15e3;
	async function followUntil(url, follower, signal) {
		let pause = FIRST_PAUSE_MS;
		for (; !signal.aborted; ) {
			try {
				let response = await open(url, { headers: { Accept: "text/event-stream" }, signal });
				await readEvents(response, (data) => {
					pause = FIRST_PAUSE_MS, follower.onValue(readJson(data));
				});
			} catch (error) {
				if (isAbort(error) || signal.aborted)
					return;
				let problem = asProblem(error);
				if (follower.onProblem(problem), problem.status >= 400 && problem.status < 500 && problem.status !== 429)
					return;
				pause = Math.max(pause, (problem.retryAfter ?? 0) * 1e3);
			}
			await sleep(pause, signal), pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
		}
	}
	function sleep(ms, signal) {
		return new Promise((done) => {
			let timer = setTimeout(done, ms);
			signal.addEventListener("abort", () => {
				clearTimeout(timer), done();
			});
		});
	}
	async function readEvents(response, onData) {
		let reader = response.body.getReader(), decoder = new TextDecoder(), rest = "";
		for (; ; ) {
			let { done, value: value2 } = await reader.read();
			if (done)
				return;
			rest += decoder.decode(value2, { stream: !0 });
			let parts2 = rest.split(`

`);
			rest = parts2.pop() ?? "";
			for (let part of parts2) {
				let data = eventData(part);
				data !== "" && onData(data);
			}
		}
	}
	function eventData(event) {
		return event.split(`
`).filter((line) => line.startsWith("data:")).map((line) => line.slice(line.startsWith("data: ") ? 6 : 5)).join(`
`);
	}

	// src/action.ts
	function useAction() {
		let [busy, setBusy] = d2(!1), [problem, setProblem] = d2();
		return { busy, problem, run: async (work) => {
			if (busy)
				return !1;
			setBusy(!0), setProblem(void 0);
			try {
				return await work(), !0;
			} catch (error) {
				return setProblem(asProblem(error)), !1;
			} finally {
				setBusy(!1);
			}
		}, clear: () => setProblem(void 0) };
	}

	// src/components/confirm.tsx
	function Confirm({ title, action, onConfirm, onClose, children }) {
		let { busy, problem, run } = useAction(), confirm = async () => {
			await run(onConfirm) && onClose();
		};
		return a4(
			Dialog,
			{
				title,
				onClose,
				actions: a4($, { children: [
					a4(Button, { autoFocus: !0, onClick: onClose, children: "Keep" }),
					a4(Button, { kind: "danger", disabled: busy, onClick: () => {
						confirm();
					}, children: busy ? "Working…" : action })
				] }),
				children: [
					children,
					problem && a4(ProblemView, { problem })
				]
			}
		);
	}

	// src/clock.ts
	var now = y3(Date.now());
	globalThis.document?.addEventListener("visibilitychange", tick);
	globalThis.document !== void 0 && setInterval(tick, 1e3);
	function tick() {
		document.hidden || (now.value = Date.now());
	}

	// src/format.ts
	var GROUP = " ";
	function digits(value2) {
		let text3 = String(value2), parts2 = /^(-?)(\d+)((?:\.\d+)?(?:[eE][+-]?\d+)?)$/.exec(text3);
		if (parts2 === null)
			return text3;
		let [, sign = "", whole = "", rest = ""] = parts2;
		return (sign === "" ? "" : "−") + grouped(whole) + rest;
	}
	function grouped(whole) {
		return whole.length < 5 ? whole : whole.replace(/\B(?=(?:\d{3})+$)/g, GROUP);
	}
	function cell(value2) {
		return value2 == null ? "–" : value2 instanceof Decimal ? digits(value2) : String(value2);
	}
	var BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	function bytes(value2) {
		let amount = typeof value2 == "number" ? value2 : value2.approx(), unit = 0;
		for (; amount >= 1024 && unit < BYTE_UNITS.length - 1; )
			amount /= 1024, unit += 1;
		return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${BYTE_UNITS[unit]}`;
	}
	function duration(ms) {
		let amount = typeof ms == "number" ? ms : ms.approx();
		if (amount < 1e3)
			return `${amount < 10 && amount !== Math.round(amount) ? amount.toFixed(1) : Math.round(amount)} ms`;
		for (let [unit, size, next] of DURATIONS)
			if (amount < next) {
				let count2 = amount / size;
				return `${unit === "s" && count2 < 10 ? count2.toFixed(1) : Math.floor(count2)} ${unit}`;
			}
		return "–";
	}
	var DURATIONS = [
		["s", 1e3, 6e4],
		["min", 6e4, 36e5],
		["h", 36e5, 1728e5],
		["d", 864e5, Number.POSITIVE_INFINITY]
	];
	function relative(instant, now2) {
		let difference = now2 - Date.parse(instant);
		if (Number.isNaN(difference))
			return instant;
		if (Math.abs(difference) < 1e3)
			return "just now";
		let size = duration(Math.floor(Math.abs(difference) / 1e3) * 1e3).replace(".0 s", " s");
		return difference > 0 ? `${size} ago` : `in ${size}`;
	}
	function dateTime(instant) {
		let parts2 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d))?/.exec(instant);
		if (parts2 === null)
			return instant;
		let [, date, minute, second] = parts2, seconds = second === void 0 || second === "00" ? "" : `:${second}`;
		return `${date} ${minute}${seconds}${instant.endsWith("Z") ? " UTC" : ""}`;
	}
	function plural(count2, one, many = `${one}s`) {
		let text3 = String(count2);
		return `${digits(text3)} ${text3 === "1" ? one : many}`;
	}

	// src/components/facts.tsx
	function Facts({ facts }) {
		return a4("dl", { class: "fact-grid", children: facts.filter(([, value2]) => value2 != null && value2 !== "").map(([name, value2], index) => a4("div", { children: [
			a4("dt", { children: name }),
			a4("dd", { children: value2 })
		] }, index)) });
	}
	function Ago({ at: at2 }) {
		return at2 == null ? a4($, { children: "–" }) : a4("time", { dateTime: at2, title: `${dateTime(at2)} ${at2.endsWith("Z") ? "UTC" : ""}`.trim(), children: relative(at2, now.value) });
	}
	function Progress({ label, value: value2 }) {
		return a4("progress", { class: "progress", "aria-label": label, max: 1, value: value2, children: [
			Math.floor(value2 * 100),
			" %"
		] });
	}
	var COPIED_MS = 2e3;
	function CopyButton({ text: text3, what }) {
		let [state, setState] = d2(""), copy = async () => {
			try {
				await navigator.clipboard.writeText(text3), setState("Copied");
			} catch {
				setState("Not allowed");
			}
			setTimeout(() => setState(""), COPIED_MS);
		};
		return a4(Button, { class: "copy", "aria-label": `Copy ${what}`, onClick: () => {
			copy();
		}, children: a4("span", { "aria-live": "polite", children: state === "" ? "Copy" : state }) });
	}
	function CopyText({ text: text3, what }) {
		return a4("div", { class: "copy-text", children: [
			a4("pre", { tabIndex: 0, children: text3 }),
			a4(CopyButton, { text: text3, what })
		] });
	}

	// src/components/gate.tsx
	function Gate({ of, label, children }) {
		let { value: value2, problem, reload } = of;
		return a4($, { children: [
			problem && a4(ProblemView, { problem, children: a4(Button, { onClick: reload, children: "Try again" }) }),
			value2 !== void 0 && children(value2),
			value2 === void 0 && !problem && a4(Loading, { ...label ? { label } : {} })
		] });
	}

	// src/fetched.ts
	function useFetched(key3, ask, every) {
		let [state, setState] = d2(START), [round2, setRound] = d2(0), latest = T2(ask);
		return latest.current = ask, F2(() => {
			if (key3 === "") {
				setState({ ...START, loading: !1 });
				return;
			}
			let control = new AbortController();
			return setState((before) => ({ ...before, loading: !0 })), latest.current(control.signal).then(
				(value2) => !control.signal.aborted && setState({ value: value2, problem: void 0, loading: !1 }),
				(error) => {
					!isAbort(error) && !control.signal.aborted && setState((before) => ({ ...before, problem: asProblem(error), loading: !1 }));
				}
			), () => control.abort();
		}, [key3, round2]), A2(() => {
			if (every === void 0)
				return;
			let timer = setInterval(() => !document.hidden && setRound((n3) => n3 + 1), every);
			return () => clearInterval(timer);
		}, [every]), { ...state, reload: () => setRound((n3) => n3 + 1) };
	}
	var START = { value: void 0, problem: void 0, loading: !0 };

	// src/catalog.ts
	var metrics = y3(void 0), asked;
	function loadMetrics(anew = !1) {
		return (asked === void 0 || anew) && (asked = get("/v1/metrics").then(
			(list) => (metrics.value = list.metrics, list.metrics),
			(error) => {
				throw asked = void 0, error;
			}
		)), asked;
	}
	function forgetMetrics() {
		asked = void 0, metrics.value = void 0;
	}
	function loadMetric(name, signal) {
		return get(`/v1/metrics/${encodeURIComponent(name)}`, signal);
	}
	function dimensionNames(definition) {
		return (definition?.dimensions ?? []).map(
			(dimension) => typeof dimension == "string" ? dimension : dimension.name
		);
	}
	function isAdditive(definition, measure2) {
		let kind = definition?.measures[measure2]?.kind;
		return kind === "count" || kind === "sum";
	}

	// src/session.ts
	var session = y3(void 0), OPEN = { authentication: "none", key: null, roles: ["admin"], scope: null };
	async function loadSession() {
		try {
			session.value = await get("/v1/session");
		} catch (error) {
			if (error instanceof Problem && error.status === 404)
				session.value = OPEN;
			else
				throw error;
		}
	}
	async function logIn(key3) {
		await request("/v1/session", { method: "POST", body: { key: key3 } }), forgetMetrics(), await loadSession();
	}
	async function logOut() {
		await request("/v1/session", { method: "DELETE" }), forgetMetrics(), await loadSession();
	}
	function may(role, unbound = !1) {
		let current = session.value;
		return current === void 0 ? !0 : current.authentication === "required" ? !1 : current.authentication === "none" || current.roles.includes("admin") ? !0 : role === "read" && current.roles.includes("read") && !(unbound && current.scope !== null);
	}
	onUnauthorized.call = () => {
		let current = session.value;
		current !== void 0 && current.authentication !== "required" && (session.value = { authentication: "required", key: null, roles: [], scope: null });
	};

	// src/login.tsx
	function LogIn() {
		let [key3, setKey] = d2(""), [busy, setBusy] = d2(!1), [problem, setProblem] = d2();
		return a4("main", { class: "login", children: a4("form", { onSubmit: async (event) => {
			event.preventDefault(), setBusy(!0), setProblem(void 0);
			try {
				await logIn(key3.trim()), setKey("");
			} catch (error) {
				setProblem(asProblem(error));
			} finally {
				setBusy(!1);
			}
		}, children: [
			a4("h1", { children: "Merganser" }),
			a4("p", { children: "This service asks for a key. It is sent once and never kept in the page." }),
			a4(Field, { label: "Key", children: a4(
				"input",
				{
					type: "password",
					autocomplete: "off",
					autoFocus: !0,
					required: !0,
					spellcheck: !1,
					value: key3,
					onInput: (event) => setKey(event.currentTarget.value)
				}
			) }),
			a4(Button, { kind: "primary", type: "submit", disabled: busy || key3.trim() === "", children: "Log in" }),
			problem && a4(ProblemView, { problem })
		] }) });
	}

	// src/explore/filter.ts
	var TOKEN = /\s*(?:([A-Za-z_][\w.]*)|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|(<>|!=|<=|>=|[^\s]))/y;
	function tokensOf(sql) {
		let tokens = [];
		for (TOKEN.lastIndex = 0; ; ) {
			let found = TOKEN.exec(sql);
			if (found === null)
				break;
			let [all, word, quoted2, text3, mark] = found, to = TOKEN.lastIndex, raw = all.trimStart(), base = { raw, from: to - raw.length, to };
			word !== void 0 ? tokens.push({ type: "word", value: word.toUpperCase(), ...base }) : quoted2 !== void 0 ? tokens.push({ type: "quoted", value: quoted2.replaceAll('""', '"'), ...base }) : text3 !== void 0 ? tokens.push({ type: "text", value: text3.replaceAll("''", "'"), ...base }) : tokens.push({ type: "mark", value: mark ?? "", ...base });
		}
		let end = tokens.at(-1)?.to ?? 0, broken = tokens.some(({ type, value: value2 }) => type === "mark" && (value2 === "'" || value2 === '"'));
		return sql.slice(end).trim() === "" && !broken ? tokens : void 0;
	}
	function parseFilter(sql) {
		if (sql.trim() === "")
			return [];
		let tokens = tokensOf(sql), parts2 = tokens && conjuncts(tokens);
		return parts2 === void 0 ? [{ kind: "text", text: sql.trim() }] : parts2.map(
			(part) => valuesOf(part) ?? { kind: "text", text: sql.slice(part[0]?.from, part.at(-1)?.to) }
		);
	}
	function conjuncts(tokens) {
		let parts2 = [[]], depth = 0;
		for (let token of tokens) {
			let word = token.type === "word" ? token.value : "";
			if (token.type === "mark" && (depth += token.value === "(" ? 1 : token.value === ")" ? -1 : 0), depth < 0 || depth === 0 && (word === "OR" || word === "BETWEEN" || word === "CASE"))
				return;
			depth === 0 && word === "AND" ? parts2.push([]) : parts2.at(-1)?.push(token);
		}
		return depth === 0 && parts2.every((part) => part.length > 0) ? parts2 : void 0;
	}
	function valuesOf(tokens) {
		if (!shape(tokens).endsWith(" OR NAME IS NULL )") || tokens[0]?.value !== "(")
			return plainValues(tokens);
		let simple = plainValues(tokens.slice(1, -5));
		if (simple === void 0 || simple.dimension !== nameOf(tokens.at(-4)))
			return;
		let values = simple.values.filter((value2) => value2 !== null);
		return { ...simple, values: simple.exclude ? values : [...values, null] };
	}
	function plainValues(tokens) {
		let dimension = nameOf(tokens[0]);
		if (dimension === void 0)
			return;
		let texts = tokens.filter(({ type }) => type === "text").map(({ value: value2 }) => value2), base = { kind: "values", dimension };
		switch (shape(tokens).replace(/TEXT(?: , TEXT)+/, "TEXT")) {
			case "NAME = TEXT":
				return texts.length === 1 ? { ...base, exclude: !1, values: texts } : void 0;
			case "NAME <> TEXT":
			case "NAME != TEXT":
				return texts.length === 1 ? { ...base, exclude: !0, values: [...texts, null] } : void 0;
			case "NAME IN ( TEXT )":
				return { ...base, exclude: !1, values: texts };
			case "NAME NOT IN ( TEXT )":
				return { ...base, exclude: !0, values: [...texts, null] };
			case "NAME IS NULL":
				return { ...base, exclude: !1, values: [null] };
			case "NAME IS NOT NULL":
				return { ...base, exclude: !0, values: [null] };
			default:
				return;
		}
	}
	var KEYWORDS = new Set(
		`ALL AND ANY AS ASC BETWEEN BY CASE CAST DESC DISTINCT ELSE END ESCAPE EXISTS FALSE FROM GROUP HAVING ILIKE
	IN INTERVAL IS LIKE LIMIT NOT NULL OFFSET ON OR ORDER SELECT SIMILAR SOME TABLE THEN TRUE UNION UNKNOWN
	VALUES WHEN WHERE WITH`.split(/\s+/)
	);
	function shape(tokens) {
		return tokens.map(({ type, value: value2 }) => {
			switch (type) {
				case "text":
					return "TEXT";
				case "quoted":
					return "NAME";
				case "word":
					return KEYWORDS.has(value2) ? value2 : "NAME";
				default:
					return value2;
			}
		}).join(" ");
	}
	function nameOf(token) {
		return token?.type === "quoted" ? token.value : token?.type === "word" && !KEYWORDS.has(token.value) ? token.raw.toLowerCase() : void 0;
	}
	function sqlName(name) {
		return /^[a-z_][a-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toUpperCase()) ? name : `"${name.replaceAll('"', '""')}"`;
	}
	function sqlText(value2) {
		return `'${value2.replaceAll("'", "''")}'`;
	}
	function writeFilter(chips) {
		return chips.map((chip) => chip.kind === "text" ? bracketed(chip.text, chips.length) : valuesSql(chip)).filter((sql) => sql !== "").join(" AND ");
	}
	function bracketed(text3, chips) {
		let tokens = tokensOf(text3);
		return chips > 1 && (tokens === void 0 || conjuncts(tokens) === void 0) ? `(${text3})` : text3;
	}
	function valuesSql({ dimension, exclude, values }) {
		let name = sqlName(dimension), texts = values.filter((value2) => value2 !== null).map(sqlText), withNull = values.includes(null);
		if (texts.length === 0)
			return withNull ? `${name} IS ${exclude ? "NOT " : ""}NULL` : "";
		let list = `(${texts.join(", ")})`, some = exclude ? texts.length === 1 ? `${name} <> ${texts[0]}` : `${name} NOT IN ${list}` : texts.length === 1 ? `${name} = ${texts[0]}` : `${name} IN ${list}`;
		return exclude === withNull ? some : `(${some} OR ${name} IS NULL)`;
	}
	function picked(chips, group, exclude) {
		return exclude && Object.keys(group).length > 1 ? [...chips, { kind: "text", text: otherThan(group) }] : Object.entries(group).reduce(
			(before, [dimension, value2]) => exclude ? excluded(before, dimension, value2) : included(before, dimension, value2),
			[...chips]
		);
	}
	function otherThan(group) {
		return `(${Object.entries(group).map(([dimension, value2]) => {
			let name = sqlName(dimension);
			return value2 === null ? `${name} IS NOT NULL` : `${name} <> ${sqlText(value2)} OR ${name} IS NULL`;
		}).join(" OR ")})`;
	}
	function included(chips, dimension, value2) {
		return [...chips.filter(
			(chip) => chip.kind === "text" || chip.dimension !== dimension || chip.exclude
		), { kind: "values", dimension, exclude: !1, values: [value2] }];
	}
	function excluded(chips, dimension, value2) {
		let at2 = chips.findIndex(
			(chip2) => chip2.kind === "values" && chip2.exclude && chip2.dimension === dimension
		), chip = chips[at2];
		if (chip?.kind !== "values")
			return [...chips, { kind: "values", dimension, exclude: !0, values: [value2] }];
		let values = chip.values.includes(value2) ? chip.values : [...chip.values, value2];
		return chips.map((other, index) => index === at2 ? { ...chip, values } : other);
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
	function useKeys(meanings) {
		A2(() => {
			let pressed = (event) => {
				let typing = event.target.closest("input, select, textarea, dialog, [popover], [contenteditable]"), modified = event.ctrlKey || event.metaKey || event.altKey, meant = Object.hasOwn(meanings, event.key) ? meanings[event.key] : void 0;
				meant !== void 0 && typing === null && !modified && !event.defaultPrevented && (event.preventDefault(), meant());
			};
			return addEventListener("keydown", pressed), () => removeEventListener("keydown", pressed);
		});
	}
	function KeyList({ onClose }) {
		return a4(Dialog, { title: "Keyboard and pointer", onClose, children: a4("dl", { class: "facts", children: [
			KEYS.map(([key3, meaning]) => a4($, { children: [
				a4("dt", { children: a4("kbd", { children: key3 }) }, key3),
				a4("dd", { children: meaning })
			] })),
			a4("dt", { children: "Click" }),
			a4("dd", { children: "Filter by a group" }),
			a4("dt", { children: "Alt click" }),
			a4("dd", { children: "Exclude a group" }),
			a4("dt", { children: "Drag" }),
			a4("dd", { children: "Zoom into a range" }),
			a4("dt", { children: "Back" }),
			a4("dd", { children: "Undo" })
		] }) });
	}

	// src/pages/metrics/place.ts
	function pointerSteps(pointer) {
		return pointer.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
	}
	function lineAt(text3, at2) {
		return text3.slice(0, at2).split(`
`).length;
	}
	var JOINT = "\0";
	function nearest(places, steps) {
		for (let length = steps.length; length > 0; length -= 1) {
			let line = places.get(steps.slice(0, length).join(JOINT));
			if (line !== void 0)
				return line;
		}
		return places.get("") ?? 1;
	}
	function lineOfJsonPointer(text3, pointer) {
		return nearest(jsonPlaces(text3), pointerSteps(pointer));
	}
	var JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
	function jsonPlaces(text3) {
		let places = /* @__PURE__ */ new Map(), frames = [], key3, line = 1, read2 = 0, note = () => places.set(frames.map((frame) => frame.step).join(JOINT), line);
		for (let { 0: token, index } of text3.matchAll(JSON_TOKEN)) {
			line += lineAt(text3.slice(read2, index), index) - 1, read2 = index;
			let top = frames.at(-1), value2 = token !== ":" && token !== "," && token !== "}" && token !== "]";
			if (top !== void 0 && !top.array && value2 && key3 === void 0) {
				key3 = unquoted(token), top.step = key3, note();
				continue;
			}
			value2 && (top === void 0 || top.array) && note(), token === "{" || token === "[" ? (frames.push({ array: token === "[", step: "0", index: 0 }), key3 = void 0) : token === "}" || token === "]" ? (frames.pop(), key3 = void 0) : token === "," && top !== void 0 && (top.index += 1, top.step = String(top.index), key3 = void 0);
		}
		return places;
	}
	function unquoted(token) {
		try {
			return String(JSON.parse(token));
		} catch {
			return token;
		}
	}
	function lineOfTomlPointer(text3, pointer) {
		return nearest(tomlPlaces(text3), pointerSteps(pointer));
	}
	var TOML_KEY = /^\s*((?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*=/, TOML_TABLE = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/, TOML_PART = /[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*'/g;
	function tomlPlaces(text3) {
		let places = /* @__PURE__ */ new Map(), table2 = [];
		return text3.split(`
`).forEach((content, index) => {
			let header = TOML_TABLE.exec(content), key3 = TOML_KEY.exec(content);
			key3 !== null ? noteAround(places, [...table2, ...parts(key3[1] ?? "")], index + 1) : header !== null && (table2 = parts(header[1] ?? ""), table2 = table2[0] === "metric" ? table2.slice(1) : table2, noteAround(places, table2, index + 1));
		}), places;
	}
	function parts(path) {
		return (path.match(TOML_PART) ?? []).map(
			(part) => part.startsWith("'") ? part.slice(1, -1) : unquoted(part)
		);
	}
	function noteAround(places, steps, line) {
		for (let length = 0; length <= steps.length; length += 1) {
			let place2 = steps.slice(0, length).join(JOINT);
			(length === steps.length || !places.has(place2)) && places.set(place2, places.get(place2) ?? line);
		}
	}

	// src/pages/metrics/toml.ts
	function quoted(text3) {
		return JSON.stringify(text3).replaceAll("", "\\u007f");
	}
	function key(name) {
		return /^[\w-]+$/.test(name) ? name : quoted(name);
	}
	function value(json) {
		return typeof json == "string" ? quoted(json) : Array.isArray(json) ? `[${json.map(value).join(", ")}]` : json !== null && typeof json == "object" && json.constructor === Object ? table(json) : writeJson(json);
	}
	function table(fields) {
		let written2 = Object.entries(fields).filter(([, field]) => field !== void 0).map(([name, field]) => `${key(name)} = ${value(field)}`);
		return written2.length === 0 ? "{}" : `{ ${written2.join(", ")} }`;
	}
	var MEASURE_ORDER = ["kind", "of", "expr", "q", "type", "places", "filter"];
	function measure(definition) {
		let fields = definition, names = [...MEASURE_ORDER, ...Object.keys(fields)];
		return table(Object.fromEntries(names.map((name) => [name, fields[name]])));
	}
	var LINE_MAX = 100;
	function dimensions(list) {
		let items = list.map((item) => value(item)), line = `dimensions = [${items.join(", ")}]`;
		return line.length <= LINE_MAX ? line : `dimensions = [
	${items.join(`,
	`)},
]`;
	}
	function definitionToml(definition) {
		let { name, description, event, filter, granularity, dimensions: list } = definition, lines = ["[[metric]]"], optional = { name, description, event, filter, granularity };
		for (let [field, content] of Object.entries(optional))
			content !== void 0 && lines.push(`${field} = ${value(content)}`);
		list !== void 0 && list.length > 0 && lines.push(dimensions(list)), lines.push("", "[metric.measures]");
		for (let [measureName, content] of Object.entries(definition.measures))
			lines.push(`${key(measureName)} = ${measure(content)}`);
		return `${lines.join(`
`)}
`;
	}
	function definitionJson(definition) {
		let { name, description, event, filter, granularity, dimensions: list, measures, ...rest } = definition, ordered = { name, description, event, filter, granularity, dimensions: list, measures, ...rest };
		return `${writeJson(ordered, "  ")}
`;
	}

	// src/pages/metrics/definition.ts
	function written(definition, format) {
		return format === "toml" ? definitionToml(definition) : definitionJson(definition);
	}
	var TYPES = { toml: "application/toml", json: "application/json" };
	async function preview(text3, format, options) {
		let headers = { "Content-Type": TYPES[format] }, path = withParams("/v1/metrics:preview", { ...options });
		return (await request(path, { method: "POST", headers, body: text3 })).value;
	}
	async function readDefinition(text3, format) {
		if (format === "json")
			return readJson(text3);
		let { definition } = await preview(text3, format, { limit: 1 });
		if (definition === void 0)
			throw new Problem({ detail: "The service does not read TOML. Write the definition as JSON." }, 0);
		return definition;
	}
	async function save(name, json) {
		let reply = await request(`/v1/metrics/${encodeURIComponent(name)}`, {
			method: "PUT",
			headers: { "Content-Type": "application/json" },
			body: json
		}), run = reply.headers.get("Location")?.split("/").at(-1);
		return { metric: reply.value, run: reply.status === 202 ? run : void 0 };
	}
	function markOf(error, text3, format) {
		if (error instanceof SyntaxError) {
			let at2 = Number(/at character (\d+)/.exec(error.message)?.[1] ?? text3.length);
			return { line: lineAt(text3, at2), message: `This is not JSON, from column ${columnAt(text3, at2)} on.` };
		}
		if (!(error instanceof Problem) || error.status !== 400 && error.status !== 422)
			return;
		let line = lineOf(error, text3, format);
		return line === void 0 ? void 0 : { line, message: withoutPicture(error.message) };
	}
	function withoutPicture(message) {
		return message.split(`
`).filter((line) => !/^(TOML parse error|\s*\d* \|)/.test(line)).join(" ").trim() || message;
	}
	function columnAt(text3, at2) {
		return at2 - text3.lastIndexOf(`
`, at2 - 1);
	}
	function lineOf(problem, text3, format) {
		let line = Number(String(problem.fields.line ?? Number.NaN));
		if (line >= 1)
			return line;
		if (problem.pointer !== void 0)
			return format === "json" ? lineOfJsonPointer(text3, problem.pointer) : lineOfTomlPointer(text3, problem.pointer);
	}

	// src/pages/metrics/marked.ts
	function useMarkedAction() {
		let { busy, problem, run, clear } = useAction(), [mark, setMark] = d2();
		return {
			busy,
			problem,
			mark,
			attempt: (text3, format, work) => {
				run(async () => {
					setMark(void 0);
					try {
						await work();
					} catch (error) {
						let found = text3 === void 0 ? void 0 : markOf(error, text3, format);
						if (found === void 0)
							throw error;
						setMark(found);
					}
				});
			},
			clear: () => {
				setMark(void 0), clear();
			}
		};
	}

	// src/pages/metrics/source.tsx
	var LINE_PX = 20, LINES_MIN = 12, LINES_MAX = 32;
	function SourceField({ label, value: value2, mark, onInput }) {
		let area = T2(null), gutter = T2(null), id = P2(), lines = value2.split(`
`), rows = Math.min(LINES_MAX, Math.max(LINES_MIN, lines.length + 1));
		A2(() => {
			let element = area.current;
			if (mark === void 0 || element === null)
				return;
			let start = lines.slice(0, mark.line - 1).reduce((sum2, line) => sum2 + line.length + 1, 0);
			element.focus(), element.setSelectionRange(start, start + (lines[mark.line - 1]?.length ?? 0)), element.scrollTop = Math.max(0, (mark.line - rows / 2) * LINE_PX);
		}, [mark]);
		let follow2 = () => {
			gutter.current !== null && area.current !== null && (gutter.current.scrollTop = area.current.scrollTop);
		};
		return a4("div", { class: "source", children: [
			a4("div", { class: mark ? "source-text wrong" : "source-text", style: { height: `${rows * LINE_PX + 18}px` }, children: [
				a4("div", { ref: gutter, class: "source-lines", "aria-hidden": "true", children: lines.map((_4, index) => a4("div", { class: mark?.line === index + 1 ? "wrong" : void 0, children: index + 1 }, index)) }),
				a4(
					"textarea",
					{
						ref: area,
						class: "code",
						"aria-label": label,
						"aria-invalid": mark !== void 0,
						"aria-describedby": mark ? id : void 0,
						value: value2,
						wrap: "off",
						spellcheck: !1,
						autocapitalize: "off",
						onScroll: follow2,
						onInput: (event) => onInput(event.currentTarget.value)
					}
				)
			] }),
			mark && a4("p", { id, class: "source-mark", role: "alert", children: [
				a4("strong", { children: [
					"Line ",
					mark.line
				] }),
				" ",
				withCode(mark.message)
			] })
		] });
	}

	// src/explore/range.ts
	var PRESETS = [
		{ label: "Last hour", from: "now-1h", to: "now" },
		{ label: "Last 24 hours", from: "now-24h", to: "now" },
		{ label: "Last 7 days", from: "now-7d", to: "now" },
		{ label: "Last 30 days", from: "now-30d", to: "now" },
		{ label: "Last 90 days", from: "now-90d", to: "now" },
		{ label: "Last 12 months", from: "now-12M", to: "now" },
		{ label: "Today", from: "today", to: "now" },
		{ label: "Yesterday", from: "yesterday", to: "today" },
		{ label: "This week", from: "this_week", to: "now" },
		{ label: "Last week", from: "last_week", to: "this_week" },
		{ label: "This month", from: "this_month", to: "now" },
		{ label: "Last month", from: "last_month", to: "this_month" },
		{ label: "This year", from: "this_year", to: "now" },
		{ label: "All time", from: "", to: "" }
	], UNIT_NAMES = {
		m: "minute",
		h: "hour",
		d: "day",
		w: "week",
		M: "month",
		y: "year"
	};
	function rangeLabel(from, to) {
		let preset = PRESETS.find(
			(known) => known.from === from && (known.to === to || to === "" && known.to === "now")
		);
		if (preset !== void 0)
			return preset.label;
		let last = /^now-(\d+)([mhdwMy])$/.exec(from);
		if (last !== null && (to === "" || to === "now")) {
			let unit = UNIT_NAMES[last[2] ?? ""] ?? "";
			return `Last ${last[1] === "1" ? unit : `${last[1]} ${unit}s`}`;
		}
		return to === "" ? `Since ${short(from)}` : from === "" ? `Before ${short(to)}` : `${short(from)} – ${short(to)}`;
	}
	function short(edge) {
		return edge.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, "$1 $2");
	}
	var MINUTE = 6e4, HOUR = 60 * MINUTE, DAY = 24 * HOUR, UNITS = {
		m: MINUTE,
		h: HOUR,
		d: DAY,
		w: 7 * DAY,
		M: 30.44 * DAY,
		y: 365.25 * DAY
	}, PERIODS = {
		day: DAY,
		week: 7 * DAY,
		month: 30.44 * DAY,
		quarter: 91.3 * DAY,
		year: 365.25 * DAY
	};
	function estimate(edge, now2) {
		let relative2 = /^now(?:-(\d+)([mhdwMy]))?$/.exec(edge);
		if (relative2 !== null)
			return now2 - Number(relative2[1] ?? 0) * (UNITS[relative2[2] ?? "m"] ?? 0);
		let day = Math.floor(now2 / DAY) * DAY;
		switch (edge) {
			case "today":
				return day;
			case "yesterday":
				return day - DAY;
			case "tomorrow":
				return day + DAY;
		}
		let current = /^(this|last|next)_(week|month|quarter|year)$/.exec(edge);
		return current !== null ? beginning(current[2] ?? "", now2) + shift(current[1]) * (PERIODS[current[2] ?? ""] ?? 0) : /^-?\d{12,14}$/.test(edge) ? Number(edge) : named(edge);
	}
	function shift(word) {
		return word === "last" ? -1 : word === "next" ? 1 : 0;
	}
	function beginning(period, now2) {
		let date = new Date(now2), [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
		switch (period) {
			case "week":
				return now2 - (date.getUTCDay() + 6) % 7 * DAY;
			case "month":
				return Date.UTC(year, month);
			case "quarter":
				return Date.UTC(year, month - month % 3);
			default:
				return Date.UTC(year, 0);
		}
	}
	function named(edge) {
		let week = /^(\d{4})-W(\d\d)$/.exec(edge);
		if (week !== null)
			return Date.UTC(Number(week[1]), 0, 1 + 7 * (Number(week[2]) - 1));
		let quarter = /^(\d{4})-Q([1-4])$/.exec(edge);
		if (quarter !== null)
			return Date.UTC(Number(quarter[1]), 3 * (Number(quarter[2]) - 1));
		if (!/^\d{4}(?:-\d\d){0,2}(?:[Tt ].*)?$/.test(edge))
			return;
		let at2 = Date.parse(edge);
		return Number.isNaN(at2) ? void 0 : at2;
	}
	function lengthOf(from, to, now2, data) {
		let start = from === "" ? data?.[0] : estimate(from, now2), end = to === "" ? data === void 0 ? now2 : data[1] : estimate(to, now2);
		return start === void 0 || end === void 0 ? void 0 : Math.max(0, end - start);
	}
	var BUCKETS_MAX = 400, GRANULARITIES = [
		["minute", "Minute", MINUTE],
		["5m", "5 minutes", 5 * MINUTE],
		["10m", "10 minutes", 10 * MINUTE],
		["15m", "15 minutes", 15 * MINUTE],
		["30m", "30 minutes", 30 * MINUTE],
		["hour", "Hour", HOUR],
		["3h", "3 hours", 3 * HOUR],
		["6h", "6 hours", 6 * HOUR],
		["12h", "12 hours", 12 * HOUR],
		["day", "Day", DAY],
		["week", "Week", 7 * DAY],
		["month", "Month", 30.44 * DAY],
		["quarter", "Quarter", 91.3 * DAY],
		["year", "Year", 365.25 * DAY]
	], UNUSUAL = ["10m", "30m", "3h", "6h", "12h"];
	function fitting(base, zone) {
		let shortest = GRANULARITIES.find(([name]) => name === base)?.[2] ?? MINUTE;
		return GRANULARITIES.filter(([, , length]) => length >= shortest && zoneFits(base, zone)).map(
			([name]) => name
		);
	}
	function zoneFits(base, zone) {
		return base === "minute" ? !0 : offsetsOf(zone).every((offset) => base === "hour" ? offset % 60 === 0 : offset === 0);
	}
	function offsetsOf(zone) {
		let year = (/* @__PURE__ */ new Date()).getUTCFullYear();
		return [0, 6].map((month) => {
			try {
				let parts2 = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(Date.UTC(year, month, 15)).find(({ type }) => type === "timeZoneName")?.value, [, sign = "+", hours = "0", minutes = "0"] = /GMT([+-])(\d\d):(\d\d)/.exec(parts2 ?? "") ?? [];
				return (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
			} catch {
				return 0;
			}
		});
	}
	function suggested(length, names, most = BUCKETS_MAX) {
		return GRANULARITIES.find(
			([name, , bucket]) => names.includes(name) && !UNUSUAL.includes(name) && length / bucket <= most
		)?.[0] ?? names.at(-1) ?? "day";
	}
	function nextGranularity(current, before, after, names) {
		if (current === "all" || after === void 0)
			return current;
		let bucket = GRANULARITIES.find(([name]) => name === current)?.[2], automatic = before !== void 0 && suggested(before, names) === current;
		return bucket !== void 0 && names.includes(current) && after / bucket <= BUCKETS_MAX && after / bucket >= 2 && !automatic ? current : suggested(after, names);
	}

	// src/answer.ts
	function groupsOf(query) {
		return (new URLSearchParams(query).get("group_by") ?? "").split(",").filter((name) => name !== "");
	}
	function measuresOf(answer, groupBy) {
		return answer.columns.filter(({ name }) => name !== "time" && !groupBy.includes(name));
	}
	function isNumber({ type }) {
		return type === "integer" || type === "decimal";
	}

	// src/exact.ts
	var PLACES_MAX = 400;
	function scaled(text3) {
		let parts2 = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text3);
		if (parts2 === null)
			return;
		let [, sign = "", whole = "", fraction = "", exponent = "0"] = parts2, places = fraction.length - Number(exponent);
		if (Math.abs(places) > PLACES_MAX)
			return;
		let digits2 = BigInt(sign + whole + fraction);
		return places >= 0 ? { whole: digits2, places } : { whole: digits2 * 10n ** BigInt(-places), places: 0 };
	}
	function change(now2, before) {
		if (!(now2 instanceof Decimal) || !(before instanceof Decimal))
			return;
		let [a5, b4] = [scaled(now2.text), scaled(before.text)];
		if (a5 === void 0 || b4 === void 0 || b4.whole <= 0n)
			return;
		let places = BigInt(Math.max(a5.places, b4.places)), left = a5.whole * 10n ** (places - BigInt(a5.places)), right = b4.whole * 10n ** (places - BigInt(b4.places)), difference = left - right, tenths = ((difference < 0n ? -difference : difference) * 2000n + right) / (2n * right);
		return {
			text: `${tenths === 0n ? "" : difference < 0n ? "−" : "+"}${tenths / 10n}.${tenths % 10n} %`,
			direction: difference === 0n ? 0 : difference < 0n ? -1 : 1
		};
	}
	function percent(share) {
		let value2 = scaled(share.text);
		if (value2 === void 0 || value2.whole < 0n)
			return share.text;
		let one = 10n ** BigInt(value2.places), tenths = (value2.whole * 2000n + one) / (2n * one);
		return `${tenths / 10n}${tenths % 10n === 0n ? "" : `.${tenths % 10n}`} %`;
	}
	function sum(values) {
		let total = { whole: 0n, places: 0 };
		for (let value2 of values.filter((value3) => value3 !== null)) {
			let next = value2 instanceof Decimal ? scaled(value2.text) : void 0;
			if (next === void 0)
				return;
			let places = Math.max(total.places, next.places), at2 = (one) => one.whole * 10n ** BigInt(places - one.places);
			total = { whole: at2(total) + at2(next), places };
		}
		let text3 = String(total.whole < 0n ? -total.whole : total.whole).padStart(total.places + 1, "0"), split = text3.length - total.places, fraction = text3.slice(split).replace(/0+$/, ""), sign = total.whole < 0n ? "-" : "";
		return new Decimal(`${sign}${text3.slice(0, split)}${fraction && `.${fraction}`}`);
	}

	// src/chart/approximate.tsx
	function Approximate({ error }) {
		return a4("span", { class: "approximate", children: a4(Tooltip, { text: `An estimate: its error is about ${error} (one standard deviation).`, children: [
			"± ",
			error
		] }) });
	}

	// src/chart/long-list.tsx
	function useLongList(items, first) {
		let [all, setAll] = d2(!1), whole = all || items.length <= first;
		return { shown: whole ? items : items.slice(0, first), whole, showAll: () => setAll(!0) };
	}
	function ShowAll({ list, count: count2 }) {
		return list.whole ? null : a4(Button, { class: "show-all", onClick: list.showAll, children: [
			"Show all ",
			digits(count2)
		] });
	}

	// src/chart/time.ts
	function wallOf(time) {
		let [, year, month, day, hour, minute] = /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(time)?.map(Number) ?? [];
		return {
			year: year ?? 1970,
			month: month ?? 1,
			day: day ?? 1,
			minute: (hour ?? 0) * 60 + (minute ?? 0)
		};
	}
	function dayNumber(wall) {
		return Math.round(Date.UTC(wall.year, wall.month - 1, wall.day) / 864e5);
	}
	var WORDS = { minute: 1, hour: 60 };
	function minutesOf(granularity) {
		let [, count2, unit] = /^(\d+)([mh])$/.exec(granularity) ?? [];
		return count2 === void 0 ? WORDS[granularity] : Number(count2) * (unit === "h" ? 60 : 1);
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
		let at2 = Date.parse(time), wall = wallOf(time), minutes = minutesOf(granularity);
		if (minutes !== void 0)
			return at2 + (minutes - wall.minute % minutes) * 6e4;
		let long = LONG[granularity];
		if (long === void 0)
			return at2;
		let [unit, count2] = long, begin = Date.UTC(wall.year, wall.month - 1, wall.day, 0, wall.minute), end = unit === "days" ? Date.UTC(wall.year, wall.month - 1, wall.day + count2) : Date.UTC(wall.year, wall.month - 1 + count2, 1);
		return at2 + (end - begin);
	}
	var CLOCK_CHANGE = 180 * 6e4;
	function bucketsOf(times, granularity) {
		let slack = minutesOf(granularity) === void 0 ? CLOCK_CHANGE : 0, buckets = [];
		return times.forEach((time, index) => {
			let next = times[index + 1], usual = endOf(time, granularity), start = next === void 0 ? void 0 : Date.parse(next), before = buckets.at(-1), at2 = Date.parse(time);
			buckets.push({
				time,
				at: at2,
				end: start !== void 0 && start <= usual + slack ? start : usual,
				follows: before !== void 0 && before.end === at2,
				wall: wallOf(time)
			});
		}), buckets;
	}
	var MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" "), WEEKDAYS = "Thu Fri Sat Sun Mon Tue Wed".split(" ");
	function monthName(month) {
		return MONTHS[month - 1] ?? String(month);
	}
	function clock(minute) {
		let two = (n3) => String(n3).padStart(2, "0");
		return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
	}
	function bucketLabel(time, granularity) {
		let wall = wallOf(time), { year, month, day } = wall;
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
				let number = dayNumber(wall), date = `${WEEKDAYS[(number % 7 + 7) % 7]} ${day} ${monthName(month)} ${year}`;
				return minutesOf(granularity) === void 0 ? date : `${date}, ${clock(wall.minute)} ${offsetLabel(time)}`;
			}
		}
	}
	function offsetLabel(time) {
		let offset = /([+-])(\d\d:\d\d)$/.exec(time);
		return offset === null || offset[2] === "00:00" ? "UTC" : `UTC${offset[1] === "-" ? "−" : "+"}${offset[2]}`;
	}

	// src/chart/series.ts
	var COLORS = 8;
	function groupLabel(values) {
		return values.map(valueLabel).join(" · ");
	}
	function valueLabel(value2) {
		return value2 === null ? "∅" : value2 === "" ? "“”" : value2;
	}
	function valueOf(row, measure2) {
		return row?.[measure2] ?? null;
	}
	function compared(row, measure2) {
		let compare = row?.compare;
		return compare !== null && typeof compare == "object" && !Array.isArray(compare) ? compare[measure2] ?? null : null;
	}
	function approx(value2) {
		if (!(value2 instanceof Decimal))
			return null;
		let number = value2.approx();
		return Number.isFinite(number) ? number : null;
	}
	function chartData(answer, dimensions2, measure2, memory = /* @__PURE__ */ new Map()) {
		let times = /* @__PURE__ */ new Set(), groups = /* @__PURE__ */ new Map();
		for (let row of answer.rows) {
			let values = dimensions2.map((dimension) => row[dimension]), key3 = JSON.stringify(values), group = groups.get(key3);
			group === void 0 && (group = { values, rows: /* @__PURE__ */ new Map() }, groups.set(key3, group)), times.add(String(row.time)), group.rows.set(String(row.time), row);
		}
		let other = /* @__PURE__ */ new Map();
		for (let row of answer.other ?? [])
			times.add(String(row.time)), other.set(String(row.time), row);
		let ordered = [...times].sort((a5, b4) => Date.parse(a5) - Date.parse(b4)), size = (rows) => [...rows.values()].reduce((sum2, row) => sum2 + Math.abs(approx(valueOf(row, measure2)) ?? 0), 0), largest = [...groups].map(([key3, group]) => ({ key: key3, ...group, size: size(group.rows) })).sort((a5, b4) => b4.size - a5.size), drawn = largest.slice(0, COLORS), colors = colorsOf(drawn.map(({ key: key3 }) => key3), dimensions2.join(), memory), series = drawn.map(({ key: key3, values, rows }) => ({
			key: key3,
			label: dimensions2.length === 0 ? answer.metric : groupLabel(values),
			group: dimensions2.length === 0 ? void 0 : Object.fromEntries(dimensions2.map((dimension, n3) => [dimension, values[n3] ?? null])),
			kind: dimensions2.length === 0 ? "all" : "group",
			color: colors.get(key3) ?? 0,
			rows: ordered.map((time) => rows.get(time))
		}));
		if (series.sort((a5, b4) => a5.color - b4.color), other.size > 0) {
			let rows = ordered.map((time) => other.get(time));
			series.push({ key: "other", label: "Other", group: void 0, kind: "other", color: 0, rows });
		}
		return {
			buckets: bucketsOf(ordered, answer.granularity),
			series,
			hidden: Math.max(0, largest.length - COLORS),
			granularity: answer.granularity,
			openBucket: answer.provenance.open_bucket,
			partial: new Map(answer.provenance.partial_buckets.map((part) => [part.time, part]))
		};
	}
	var COLOR_MEMORY = /* @__PURE__ */ new Map(), REMEMBERED_MAX = 5e3;
	function colorsOf(keys, dimensions2, memory) {
		let name = (key3) => `${dimensions2} ${key3}`, colors = /* @__PURE__ */ new Map(), free = new Set(Array.from({ length: COLORS }, (_4, index) => index + 1));
		for (let key3 of keys) {
			let former = memory.get(name(key3)) ?? 0;
			free.delete(former) && colors.set(key3, former);
		}
		let known = new Set(
			[...memory].filter(([key3]) => key3.startsWith(name(""))).map(([, color]) => color)
		);
		for (let key3 of keys.filter((key4) => !colors.has(key4))) {
			let color = [...free].find((one) => !known.has(one)) ?? [...free][0] ?? 0;
			free.delete(color), colors.set(key3, color), !memory.has(name(key3)) && memory.size < REMEMBERED_MAX && memory.set(name(key3), color);
		}
		return colors;
	}

	// src/chart/bars.tsx
	var FIRST_GROUPS = 100;
	function GroupBars({ answer, groupBy, measure: measure2, onPick }) {
		let rows = [...answer.rows].sort(
			(a5, b4) => (approx(valueOf(b4, measure2)) ?? -1e308) - (approx(valueOf(a5, measure2)) ?? -1e308)
		), values = [...rows, ...answer.other ?? []].map((row) => approx(valueOf(row, measure2)) ?? 0), [low, high] = [Math.min(0, ...values), Math.max(0, ...values)], scale = (value2) => (value2 - low) / (high - low || 1) * 100, bar = (row) => {
			let value2 = approx(valueOf(row, measure2)) ?? 0, from = scale(Math.min(0, value2));
			return { left: `${from}%`, width: `${scale(Math.max(0, value2)) - from}%` };
		}, list = useLongList(rows, FIRST_GROUPS);
		return a4($, { children: [
			a4("ul", { class: "group-bars", "aria-label": `${measure2} by ${groupBy.join(" and ")}`, children: [
				list.shown.map((row) => {
					let group = Object.fromEntries(
						groupBy.map((dimension) => [dimension, row[dimension]])
					), label = groupLabel(Object.values(group));
					return a4("li", { children: a4(
						"button",
						{
							type: "button",
							class: "group-bar",
							disabled: onPick === void 0,
							title: onPick && `${label}: click to filter, Alt and click to exclude`,
							onClick: (event) => onPick?.(group, event.altKey),
							children: [
								a4("span", { class: "group-fill", style: bar(row) }),
								a4("span", { class: "group-label", children: label }),
								a4(Amount, { row, measure: measure2 })
							]
						}
					) }, JSON.stringify(Object.values(group)));
				}),
				(answer.other ?? []).map((row) => a4("li", { children: a4("div", { class: "group-bar other", children: [
					a4("span", { class: "group-fill", style: bar(row) }),
					a4("span", { class: "group-label", children: "Other" }),
					a4(Amount, { row, measure: measure2 })
				] }) }, "other"))
			] }),
			a4(ShowAll, { list, count: rows.length })
		] });
	}
	function Amount({ row, measure: measure2 }) {
		let changed = change(valueOf(row, measure2), compared(row, measure2));
		return a4("span", { class: "group-value", children: [
			cell(valueOf(row, measure2)),
			row.compare !== void 0 && a4("span", { class: "group-change", children: changed?.text })
		] });
	}

	// src/chart/scale.ts
	function linear([from, to], [start, end]) {
		let extent = to - from;
		return Object.assign((value2) => extent === 0 ? (start + end) / 2 : start + (value2 - from) / extent * (end - start), {
			invert: (pixel) => end === start ? from : from + (pixel - start) / (end - start) * extent
		});
	}

	// src/chart/stack.ts
	function stack(series) {
		let up = [], down = [];
		return series.map(
			(values) => values.map((value2, index) => {
				if (value2 === null)
					return null;
				let pile = value2 < 0 ? down : up, from = pile[index] ?? 0;
				return pile[index] = from + value2, [from, from + value2];
			})
		);
	}
	function extentOf(spans) {
		let low = 0, high = 0;
		for (let span2 of spans)
			span2 !== null && (low = Math.min(low, span2[0], span2[1]), high = Math.max(high, span2[0], span2[1]));
		return [low, high];
	}

	// src/chart/ticks.ts
	function valueTicks(low, high, count2, whole = !1) {
		if (!Number.isFinite(low) || !Number.isFinite(high))
			return [];
		let extent = high > low ? high - low : Math.abs(high) || 1, exponent = Math.floor(Math.log10(extent / count2)), rough = extent / count2 / 10 ** exponent, factor = rough <= 1 ? 1 : rough <= 2 ? 2 : rough <= 5 ? 5 : 10;
		factor === 10 && (factor = 1, exponent += 1), whole && exponent < 0 && (factor = 1, exponent = 0);
		let first = Math.floor(scaled2(low, -exponent) / factor + 1e-9), last = Math.ceil(scaled2(high, -exponent) / factor - 1e-9), ticks = [];
		for (let n3 = first; n3 <= Math.max(last, first + 1); n3 += 1)
			ticks.push({ value: scaled2(n3 * factor, exponent), label: powerLabel(n3 * factor, exponent) });
		return ticks;
	}
	function scaled2(value2, exponent) {
		return exponent < 0 ? value2 / 10 ** -exponent : value2 * 10 ** exponent;
	}
	var SUFFIXES = [
		[12, "T"],
		[9, "G"],
		[6, "M"],
		[3, "k"]
	];
	function powerLabel(whole, exponent) {
		if (whole === 0)
			return "0";
		let size = exponent + String(Math.abs(whole)).length - 1;
		if (size >= 15 || size < -6) {
			let zeros = /0*$/.exec(String(whole))?.[0].length ?? 0;
			return `${digits(String(whole / 10 ** zeros))}e${exponent + zeros}`;
		}
		let [power, suffix] = size >= 4 && SUFFIXES.find(([p5]) => size >= p5) || [0, ""];
		return digits(shifted(whole, exponent - power)) + suffix;
	}
	function shifted(whole, exponent) {
		let sign = whole < 0 ? "-" : "", text3 = String(Math.abs(whole));
		if (exponent >= 0)
			return sign + text3 + "0".repeat(exponent);
		let padded = text3.padStart(1 - exponent, "0"), fraction = padded.slice(exponent).replace(/0+$/, "");
		return sign + padded.slice(0, exponent) + (fraction === "" ? "" : `.${fraction}`);
	}
	var WEEK_OF_MONDAYS = 4, months = (wall) => wall.year * 12 + wall.month - 1, monday = (wall) => Math.floor((dayNumber(wall) - WEEK_OF_MONDAYS) / 7);
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
	function monthsStep(count2) {
		return daysStep(
			28 * count2,
			(wall) => Math.floor(months(wall) / count2),
			(wall) => wall.day === 1 && months(wall) % count2 === 0
		);
	}
	function weeksStep(count2) {
		return daysStep(
			7 * count2,
			(wall) => Math.floor(monday(wall) / count2),
			(wall) => (dayNumber(wall) - WEEK_OF_MONDAYS) % (7 * count2) === 0
		);
	}
	var STEPS = [
		...[1, 5, 10, 15, 30, 60, 120, 180, 360, 720].map(minutesStep),
		daysStep(1, dayNumber, () => !0),
		daysStep(2, (wall) => Math.floor(dayNumber(wall) / 2), (wall) => dayNumber(wall) % 2 === 0),
		weeksStep(1),
		weeksStep(2),
		...[1, 3, 6, 12, 24, 60, 120, 240, 600].map(monthsStep)
	];
	function timeTicks(buckets, granularity, most, thisYear) {
		let shortest = minutesOf(granularity) ?? 1440, room = Math.max(most, 1), [found, minutes] = [firstAndLast(buckets), shortest];
		for (let step of STEPS.filter((step2) => step2.minutes >= shortest)) {
			let next = beginnings(buckets, step);
			if (next.length < 2 || ([found, minutes] = [next, step.minutes], found.length <= room))
				break;
		}
		let every = Math.ceil(found.length / room), ticks = found.filter((_4, at2) => at2 % every === 0).map((index) => ({ index, ...tickLabel(buckets[index].wall, minutes) }));
		return withYear(ticks, buckets, thisYear);
	}
	function withYear(ticks, buckets, thisYear) {
		let first = ticks.findIndex(({ label }) => /[A-Z]/.test(label)), [tick2, year] = [ticks[first], buckets[ticks[first]?.index ?? 0]?.wall.year];
		return thisYear === void 0 || ticks.some(({ label }) => /\d{4}$/.test(label)) || tick2 === void 0 || year === thisYear ? ticks : ticks.map((one) => one === tick2 ? { ...tick2, label: `${tick2.label} ${year}` } : one);
	}
	function firstAndLast(buckets) {
		return buckets.length < 2 ? [...buckets.keys()] : [0, buckets.length - 1];
	}
	function beginnings(buckets, step) {
		let found = [], before;
		return buckets.forEach((bucket, index) => {
			(before === void 0 ? step.begins(bucket.wall) : step.unit(bucket.wall) !== step.unit(before.wall) && (bucket.follows || step.begins(bucket.wall))) && found.push(index), before = bucket;
		}), found;
	}
	function tickLabel(wall, step) {
		let { year, month, day, minute } = wall;
		return step < 1440 && minute !== 0 ? { label: clock(minute), major: !1 } : step < 28 * 1440 ? month === 1 && day === 1 ? { label: String(year), major: !0 } : { label: `${day} ${monthName(month)}`, major: step < 1440 || day === 1 } : month === 1 ? { label: String(year), major: !0 } : { label: step >= 336 * 1440 ? `${monthName(month)} ${year}` : monthName(month), major: !1 };
	}

	// src/chart/layout.ts
	var TOP = 10, BOTTOM = 24, RIGHT = 10, CHARACTER = 7.2, TICK_WIDTH = 84, TICK_HEIGHT = 52;
	function middle(layout, data, index) {
		let bucket = data.buckets[index];
		return bucket === void 0 ? 0 : layout.x((bucket.at + bucket.end) / 2);
	}
	function bucketAt(layout, data, pixel) {
		let at2 = layout.x.invert(pixel), best, nearest2 = Number.POSITIVE_INFINITY;
		return data.buckets.forEach((bucket, index) => {
			let distance = at2 < bucket.at ? bucket.at - at2 : at2 >= bucket.end ? at2 - bucket.end + 1 : 0;
			distance < nearest2 && (nearest2 = distance, best = index);
		}), best;
	}
	function isPiled(kind) {
		return kind === "stacked" || kind === "bar";
	}
	function layoutOf({ data, measure: measure2, kind, size, whole, ...input }) {
		let values = data.series.map((series) => valuesOf2(series, measure2)), earlier2 = data.series.map((series) => series.rows.map((row) => approx(compared(row, measure2)))), spans = isPiled(kind) ? stack(values) : values.map((row) => row.map((value2) => value2 === null ? null : [0, value2])), [low, high] = extentOf([
			...spans.flat(),
			...earlier2.flat().map((value2) => value2 === null ? null : [0, value2])
		]), yTicks = valueTicks(low, high, Math.max(2, Math.round(size.height / TICK_HEIGHT)), whole), step = (yTicks[1]?.value ?? 1) - (yTicks[0]?.value ?? 0), foot = low < 0 ? Math.max(yTicks[0]?.value ?? low, low - step / 4) : 0, shownTicks = yTicks.filter(({ value: value2 }) => value2 >= foot), own = 8 + CHARACTER * Math.max(1, ...shownTicks.map((tick2) => tick2.label.length)), left = Math.max(own, input.left ?? 0), right = Math.max(left + 20, size.width - RIGHT), bottom = size.height - BOTTOM, first = data.buckets[0]?.at ?? 0, last = data.buckets.at(-1)?.end ?? 1, most = Math.max(2, Math.floor((right - left) / TICK_WIDTH));
		return {
			size,
			left,
			right,
			top: TOP,
			bottom,
			x: linear([first, last], [left, right]),
			y: linear([foot, yTicks.at(-1)?.value ?? 1], [bottom, TOP]),
			valueTicks: shownTicks,
			timeTicks: timeTicks(data.buckets, data.granularity, most, (/* @__PURE__ */ new Date()).getFullYear()),
			spans,
			compared: earlier2
		};
	}
	function valuesOf2(series, measure2) {
		return series.rows.map((row) => approx(valueOf(row, measure2)));
	}
	function seriesAt(layout, piled, index, pixel) {
		let best, nearest2 = 24;
		return layout.spans.forEach((spans, at2) => {
			let span2 = spans[index];
			if (span2 == null)
				return;
			let [from, to] = [layout.y(span2[0]), layout.y(span2[1])], inside = pixel >= Math.min(from, to) && pixel <= Math.max(from, to), distance = piled && inside ? 0 : Math.abs(pixel - to);
			distance < nearest2 && (nearest2 = distance, best = at2);
		}), best;
	}

	// src/chart/paths.ts
	function stretches(points, breaks) {
		let found = [], current;
		return points.forEach((point, index) => {
			if (point === null) {
				current = void 0;
				return;
			}
			(current === void 0 || breaks(index)) && (current = [], found.push([index, current])), current.push(point);
		}), found;
	}
	function linePath(points, breaks) {
		return stretches(points, breaks).filter(([, stretch]) => stretch.length > 1).map(([, stretch]) => `M${stretch.map(at).join("L")}`).join("");
	}
	function lonely(points, breaks) {
		return stretches(points, breaks).flatMap(([, stretch]) => stretch.length === 1 ? stretch : []);
	}
	function areaPath(spans, x3, y5, breaks) {
		return stretches(spans, breaks).filter(([, stretch]) => stretch.length > 1).map(([start, stretch]) => {
			let edge = (side) => stretch.map((span2, n3) => at({ x: x3(start + n3), y: y5(span2[side]) }));
			return `M${edge(1).join("L")}L${edge(0).reverse().join("L")}Z`;
		}).join("");
	}
	function barsPath(boxes) {
		return boxes.filter((box) => box !== null).map((box) => `M${at(box)}h${round(box.width)}v${round(box.height)}h${round(-box.width)}z`).join("");
	}
	function at({ x: x3, y: y5 }) {
		return `${round(x3)},${round(y5)}`;
	}
	function round(pixel) {
		return Math.round(pixel * 10) / 10;
	}

	// src/chart/marks.tsx
	function markClass({ key: key3, color }, pointed) {
		return pointed !== void 0 && pointed !== key3 ? `${colorClass(color)} faded` : colorClass(color);
	}
	function colorClass(color) {
		return `series-${color}`;
	}
	function Marks(props) {
		let { data, kind, layout } = props;
		return a4("g", { children: [
			data.buckets.filter((bucket) => isUnfinished(data, bucket.time)).map((bucket) => a4(Hatched, { ...props, bucket }, bucket.time)),
			kind === "bar" ? a4(Bars, { ...props }) : a4(Lines, { ...props }),
			a4("line", { class: "zero", x1: layout.left, x2: layout.right, y1: layout.y(0), y2: layout.y(0) }),
			data.series.map((series, index) => a4(Compared, { ...props, series, at: index }, series.key))
		] });
	}
	function isUnfinished(data, time) {
		return time === data.openBucket || data.partial.has(time);
	}
	function Hatched({ bucket, layout, hatch }) {
		let from = layout.x(bucket.at);
		return a4(
			"rect",
			{
				class: "unfinished",
				x: round(from),
				y: layout.top,
				width: round(Math.max(2, layout.x(bucket.end) - from)),
				height: layout.bottom - layout.top,
				fill: `url(#${hatch})`
			}
		);
	}
	function Lines({ data, layout, kind, piled, pointed }) {
		let breaks = (index) => data.buckets[index]?.follows === !1, x3 = (index) => middle(layout, data, index);
		return a4($, { children: data.series.map((series, at2) => {
			let spans = layout.spans[at2] ?? [], points = spans.map((span2, index) => pointOf(span2, x3(index), layout)), filled = kind === "area" || piled;
			return a4("g", { class: markClass(series, pointed), children: [
				filled && a4("path", { class: piled ? "area piled" : "area", d: areaPath(spans, x3, layout.y, breaks) }),
				a4("path", { class: "line", d: linePath(points, breaks) }),
				lonely(points, breaks).map((point) => a4("circle", { class: "dot", cx: round(point.x), cy: round(point.y), r: "2.5" }, point.x))
			] }, series.key);
		}) });
	}
	function pointOf(span2, x3, layout) {
		return span2 === null ? null : { x: x3, y: layout.y(span2[1]) };
	}
	function Bars({ data, layout, hatch, pointed }) {
		return a4($, { children: data.series.map((series, at2) => {
			let bars = (layout.spans[at2] ?? []).map((span2, index) => barOf(span2, index, data, layout)), unfinished2 = bars.filter(
				(_4, index) => isUnfinished(data, data.buckets[index]?.time ?? "")
			);
			return a4("g", { class: markClass(series, pointed), children: [
				a4("path", { class: "bar", d: barsPath(bars) }),
				unfinished2.length > 0 && a4("path", { d: barsPath(unfinished2), fill: `url(#${hatch})` })
			] }, series.key);
		}) });
	}
	var GAP = 1;
	function barOf(span2, index, data, layout) {
		let bucket = data.buckets[index];
		if (span2 === null || bucket === void 0 || span2[0] === span2[1])
			return null;
		let [from, to] = [layout.x(bucket.at), layout.x(bucket.end)], room = to - from > 4 ? to - from - GAP * (to - from > 12 ? 3 : 1) : to - from, [top, foot] = [layout.y(Math.max(...span2)), layout.y(Math.min(...span2))];
		return {
			x: from + (to - from - room) / 2,
			y: top,
			width: Math.max(0.8, room),
			height: Math.max(0.5, foot - top)
		};
	}
	function Compared({ data, layout, piled, series, at: at2, pointed }) {
		let values = layout.compared[at2] ?? [];
		if (piled && data.series.length > 1)
			return null;
		let breaks = (index) => data.buckets[index]?.follows === !1, points = values.map(
			(value2, index) => value2 === null ? null : { x: middle(layout, data, index), y: layout.y(value2) }
		), many = data.series.length > 1 ? "many " : "";
		return a4("path", { class: `compared ${many}${markClass(series, pointed)}`, d: linePath(points, breaks) });
	}

	// src/chart/legend.tsx
	function Legend({ series, onPick, onPoint }) {
		return a4("ul", { class: "legend", "aria-label": "Groups", children: series.map(({ key: key3, label, color, group }) => {
			let content = a4($, { children: [
				a4("span", { class: `swatch ${colorClass(color)}` }),
				a4("span", { class: "legend-label", children: label })
			] });
			return a4(
				"li",
				{
					onMouseEnter: () => onPoint(key3),
					onMouseLeave: () => onPoint(void 0),
					onFocusIn: () => onPoint(key3),
					onFocusOut: () => onPoint(void 0),
					children: group === void 0 || onPick === void 0 ? a4("span", { class: "legend-item", children: content }) : a4(
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
				key3
			);
		}) });
	}

	// src/chart/number.tsx
	function NumberTile({ row, measure: measure2, error, large }) {
		let value2 = valueOf(row, measure2), earlier2 = compared(row, measure2), changed = change(value2, earlier2);
		return a4("div", { class: large ? "number-tile large" : "number-tile", children: [
			a4("span", { class: "number-name", children: [
				measure2,
				error !== void 0 && a4(Approximate, { error })
			] }),
			a4("span", { class: typeof value2 == "string" ? "number-value text" : "number-value", children: cell(value2) }),
			row?.compare !== void 0 && a4("span", { class: "number-compare", children: [
				changed && a4("span", { class: "number-change", children: changed.text }),
				" from ",
				cell(earlier2)
			] })
		] });
	}

	// src/chart/axes.tsx
	function Axes({ data, layout }) {
		let { left, right, bottom, y: y5 } = layout;
		return a4("g", { class: "axes", children: [
			layout.valueTicks.map(({ value: value2, label }) => a4("g", { children: [
				a4("line", { class: "grid", x1: left, x2: right, y1: round(y5(value2)), y2: round(y5(value2)) }),
				a4("text", { x: left - 8, y: round(y5(value2)), dy: "0.32em", "text-anchor": "end", children: label })
			] }, label)),
			layout.timeTicks.map(({ index, label, major }) => a4(
				"text",
				{
					class: major ? "major" : void 0,
					x: round(clamp(middle(layout, data, index), label.length > 8 ? 36 : left + 4, right - (label.length > 8 ? 28 : 12))),
					y: bottom + 17,
					"text-anchor": "middle",
					children: label
				},
				index
			))
		] });
	}
	function clamp(value2, low, high) {
		return Math.max(low, Math.min(high, value2));
	}
	function CursorMarks({ data, layout, index }) {
		let x3 = round(middle(layout, data, index));
		return a4("g", { class: "cursor", children: [
			a4("line", { x1: x3, x2: x3, y1: layout.top, y2: layout.bottom }),
			data.series.map((series, at2) => {
				let span2 = layout.spans[at2]?.[index];
				return span2 == null ? null : a4(
					"circle",
					{
						class: colorClass(series.color),
						cx: x3,
						cy: round(layout.y(span2[1])),
						r: "3.5"
					},
					series.key
				);
			})
		] });
	}
	function Brush({ data, layout, from, to }) {
		let first = data.buckets[Math.min(from, to)], last = data.buckets[Math.max(from, to)];
		if (first === void 0 || last === void 0)
			return null;
		let x3 = layout.x(first.at);
		return a4(
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

	// src/chart/cursor.tsx
	var LINES = 12;
	function spokenBucket(data, measure2, index) {
		let bucket = data.buckets[index];
		if (bucket === void 0)
			return "no buckets";
		let values = data.series.slice(0, LINES).map((series) => {
			let value2 = cell(valueOf(series.rows[index], measure2));
			return series.kind === "all" ? value2 : `${series.label} ${value2}`;
		}).join(", ");
		return [`${bucketLabel(bucket.time, data.granularity)}: ${values}`, ...unfinished(data, bucket.time)].join(", ");
	}
	function unfinished(data, time) {
		let part = data.partial.get(time);
		return [
			...part === void 0 ? [] : [`only ${dateTime(part.from)} to ${dateTime(part.to)}`],
			...time === data.openBucket ? ["can still grow"] : []
		];
	}
	function CursorTip({ data, measure: measure2, index, layout, piled }) {
		let bucket = data.buckets[index];
		if (bucket === void 0)
			return null;
		let x3 = middle(layout, data, index), place2 = x3 > layout.size.width / 2 ? { right: `${layout.size.width - x3 + 12}px` } : { left: `${x3 + 12}px` }, shown2 = data.series.filter((series) => series.rows[index] !== void 0).slice(0, LINES), more = data.series.length - shown2.length, values = data.series.map((series) => valueOf(series.rows[index], measure2)), total = piled && shown2.length > 1 ? sum(values) : void 0;
		return a4("div", { class: "tip", style: place2, "aria-hidden": "true", children: [
			a4("p", { class: "tip-title", children: bucketLabel(bucket.time, data.granularity) }),
			a4("table", { children: a4("tbody", { children: [
				shown2.map((series) => a4(TipLine, { series, measure: measure2, index }, series.key)),
				total && a4("tr", { children: [
					a4("th", { scope: "row", children: "Sum" }),
					a4("td", { class: "number", children: cell(total) })
				] })
			] }) }),
			more > 0 && shown2.length === LINES && a4("p", { class: "muted", children: [
				"and ",
				more,
				" more"
			] }),
			unfinished(data, bucket.time).map((text3) => a4("p", { class: "muted", children: text3 }, text3))
		] });
	}
	function TipLine({ series, measure: measure2, index }) {
		let row = series.rows[index], value2 = valueOf(row, measure2), earlier2 = compared(row, measure2), changed = change(value2, earlier2);
		return a4("tr", { children: [
			a4("th", { scope: "row", children: [
				a4("span", { class: `swatch ${colorClass(series.color)}` }),
				a4("span", { class: "tip-label", children: series.kind === "all" ? measure2 : series.label })
			] }),
			a4("td", { class: "number", children: cell(value2) }),
			row?.compare !== void 0 && a4("td", { class: "number muted", children: [
				cell(earlier2),
				changed && ` (${changed.text})`
			] })
		] });
	}

	// src/chart/input.ts
	var CLICK = 5;
	function usePlotInput(props, layout, frame) {
		let { data, cursor, onCursor, onZoom } = props, [anchor, setAnchor] = d2(), [dragging, setDragging] = d2(!1), pressed = T2(void 0), zoom2 = (from, to) => {
			from !== void 0 && to !== void 0 && onZoom?.(Math.min(from, to), Math.max(from, to));
		}, stop = () => {
			pressed.current = void 0, setDragging(!1), setAnchor(void 0);
		};
		return { anchor, dragging, handlers: { ...{ onPointerDown: (event) => {
			let { x: x3, index } = placeOf(event, frame, layout, data);
			event.button === 0 && index !== void 0 && (pressed.current = { x: x3, index }, onCursor(index));
		}, onPointerMove: (event) => {
			let { x: x3, index } = placeOf(event, frame, layout, data);
			onCursor(index);
			let start = pressed.current;
			start !== void 0 && onZoom !== void 0 && Math.abs(x3 - start.x) > CLICK && !dragging && (frame.current?.setPointerCapture(event.pointerId), setAnchor(start.index), setDragging(!0));
		}, onPointerUp: (event) => {
			let place2 = placeOf(event, frame, layout, data);
			dragging ? zoom2(anchor, place2.index) : pressed.current !== void 0 && event.pointerType !== "touch" && pick(place2, props, layout, event.altKey), stop();
		}, onPointerCancel: stop, onPointerLeave: (event) => {
			!dragging && event.pointerType !== "touch" && onCursor(void 0);
		} }, onKeyDown: (event) => {
			let next = nextCursor(event.key, cursor, data.buckets.length - 1);
			next !== void 0 ? (event.preventDefault(), setAnchor(event.shiftKey ? anchor ?? cursor ?? next : void 0), onCursor(next)) : event.key === "Enter" && anchor !== void 0 ? (event.preventDefault(), setAnchor(void 0), zoom2(anchor, cursor)) : event.key === "Escape" && (setAnchor(void 0), onCursor(void 0));
		}, onBlur: () => onCursor(void 0) } };
	}
	function placeOf(event, frame, layout, data) {
		let box = frame.current?.getBoundingClientRect(), [x3, y5] = [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
		return { x: x3, y: y5, index: bucketAt(layout, data, x3) };
	}
	function pick({ y: y5, index }, { data, kind, onPick }, layout, exclude) {
		let near = index === void 0 ? void 0 : seriesAt(layout, isPiled(kind), index, y5), series = near === void 0 ? void 0 : data.series[near];
		series?.group !== void 0 && onPick?.(series, exclude);
	}
	function nextCursor(key3, cursor, last) {
		switch (key3) {
			case "ArrowRight":
				return cursor === void 0 ? 0 : Math.min(last, cursor + 1);
			case "ArrowLeft":
				return cursor === void 0 ? last : Math.max(0, cursor - 1);
			case "Home":
				return 0;
			case "End":
				return last;
			default:
				return;
		}
	}

	// src/chart/plot.tsx
	function Plot(props) {
		let { data, measure: measure2, kind, height, whole, left, cursor, pointed } = props, frame = T2(null), width = useWidth(frame), hatch = P2(), layout = w2(
			() => layoutOf({ data, measure: measure2, kind, whole, left, size: { width, height } }),
			[data, measure2, kind, whole, left, width, height]
		), { anchor, dragging, handlers } = usePlotInput(props, layout, frame), piled = isPiled(kind), fixed = w2(
			() => a4($, { children: [
				a4(Axes, { layout, data }),
				a4(Marks, { data, layout, kind, piled, hatch, pointed })
			] }),
			[data, layout, kind, piled, hatch, pointed]
		), shown2 = Math.min(cursor ?? data.buckets.length - 1, data.buckets.length - 1);
		return a4(
			"div",
			{
				ref: frame,
				class: dragging ? "plot dragging" : "plot",
				role: "slider",
				tabIndex: 0,
				"aria-label": `${measure2} over time`,
				"aria-orientation": "horizontal",
				"aria-valuemin": 0,
				"aria-valuemax": Math.max(0, data.buckets.length - 1),
				"aria-valuenow": Math.max(0, shown2),
				"aria-valuetext": spokenBucket(data, measure2, shown2),
				...handlers,
				children: [
					a4("svg", { width, height, "aria-hidden": "true", children: [
						a4("defs", { children: a4(
							"pattern",
							{
								id: hatch,
								width: "6",
								height: "6",
								patternUnits: "userSpaceOnUse",
								patternTransform: "rotate(45)",
								children: a4("line", { class: "hatch", x1: "0", y1: "0", x2: "0", y2: "6" })
							}
						) }),
						width > 0 && fixed,
						cursor !== void 0 && data.buckets[cursor] !== void 0 && a4(CursorMarks, { data, layout, index: cursor }),
						anchor !== void 0 && cursor !== void 0 && a4(Brush, { data, layout, from: anchor, to: cursor })
					] }),
					cursor !== void 0 && data.buckets[cursor] !== void 0 && a4(CursorTip, { data, measure: measure2, index: cursor, layout, piled })
				]
			}
		);
	}
	function useWidth(frame) {
		let [width, setWidth] = d2(0);
		return A2(() => {
			let element = frame.current;
			if (element === null)
				return;
			setWidth(element.clientWidth);
			let observer = new ResizeObserver(() => setWidth(element.clientWidth));
			return observer.observe(element), () => observer.disconnect();
		}, []), width;
	}

	// src/chart/table.tsx
	var FIRST_ROWS = 500;
	function AnswerTable({ answer, groupBy, caption, onPick }) {
		let columns2 = answer.columns.flatMap((column2) => {
			let { name } = column2, number = isNumber(column2), own = {
				key: name,
				title: name,
				number,
				render: (row) => a4(Cell, { answer, groupBy, row, column: column2, onPick })
			};
			return isMeasure(column2, groupBy) && answer.compare !== void 0 ? [own, { key: `${name}:compare`, title: "earlier", number, render: (row) => earlier(row, name) }] : [own];
		}), rows = [...answer.rows, ...answer.other ?? []], list = useLongList(rows, FIRST_ROWS);
		return a4($, { children: [
			a4(
				Table,
				{
					caption,
					columns: columns2,
					rows: list.shown,
					rowKey: (_4, index) => String(index),
					foot: answer.totals && a4(Totals, { answer, groupBy, totals: answer.totals })
				}
			),
			a4(ShowAll, { list, count: rows.length }),
			a4("p", { class: "table-count muted", children: [
				String(answer.rows.length) === answer.total_rows.text ? plural(answer.total_rows, "row") : `${digits(answer.rows.length)} of ${plural(answer.total_rows, "row")}`,
				answer.other?.length ? "; all other groups are one: More, Groups has the limit" : ""
			] })
		] });
	}
	function isMeasure({ name }, groupBy) {
		return name !== "time" && !groupBy.includes(name);
	}
	function Cell({ answer, groupBy, row, column: column2, onPick }) {
		let { name } = column2, value2 = row[name];
		if (name === "time")
			return a4("time", { dateTime: String(value2), children: bucketLabel(String(value2), answer.granularity) });
		if (isMeasure(column2, groupBy)) {
			let text3 = cell(value2);
			return isNumber(column2) ? a4($, { children: text3 }) : a4("span", { class: "cell-text", title: text3, children: text3 });
		}
		if (value2 === void 0)
			return a4("span", { class: "muted", children: "Other" });
		let label = valueLabel(value2);
		return onPick === void 0 ? a4($, { children: label }) : a4(
			"button",
			{
				type: "button",
				class: "cell-pick",
				title: `${label}: click to filter, Alt and click to exclude`,
				onClick: (event) => onPick({ [name]: value2 }, event.altKey),
				children: label
			}
		);
	}
	function earlier(row, name) {
		return a4("span", { class: "muted", children: cell(compared(row, name)) });
	}
	function Totals({ answer, groupBy, totals }) {
		return a4("tr", { children: answer.columns.flatMap((column2, index) => {
			let { name } = column2, number = isNumber(column2), measure2 = isMeasure(column2, groupBy), text3 = measure2 ? cell(totals[name]) : index === 0 ? "All" : "", own = a4("td", { class: number ? "number" : void 0, children: text3 }, name);
			return measure2 && answer.compare !== void 0 ? [
				own,
				a4("td", { class: "number muted", children: cell(compared(totals, name)) }, `${name}:compare`)
			] : [own];
		}) });
	}

	// src/chart/view.tsx
	var CHART_KINDS = ["line", "area", "stacked", "bar", "number", "table"];
	function ChartView(props) {
		let { answer } = props, sent = answer.rows.length;
		return a4($, { children: [
			answer.total_rows.approx() > sent && a4("p", { class: isLimited(props.question) ? "panel-note" : "panel-note warning", children: [
				isLimited(props.question) ? "The first " : "Not all of it: ",
				digits(sent),
				" of ",
				plural(answer.total_rows, "row"),
				isLimited(props.question) ? ", as the limit says" : " were sent",
				"."
			] }),
			sent === 0 ? a4("p", { class: "no-rows", children: "No events in this range." }) : a4(Chart, { ...props })
		] });
	}
	function isLimited(question) {
		return new URLSearchParams(question).has("limit");
	}
	function Chart(props) {
		let { answer, groupBy, chart, onPick } = props, measures = measuresOf(answer, groupBy), timed = answer.columns.some((column2) => column2.name === "time");
		if (chart === "table") {
			let caption = props.title ?? answer.metric;
			return a4(AnswerTable, { answer, groupBy, caption, onPick });
		}
		return chart === "number" || !timed && groupBy.length === 0 ? a4(Numbers, { answer, measures }) : timed ? a4(TimePanels, { ...props, measures }) : a4("div", { class: measures.length > 1 ? "panels side" : "panels", children: measures.map(({ name }) => a4("section", { class: "panel", children: [
			a4(PanelHead, { ...props, measure: name, count: measures.length }),
			a4(GroupBars, { answer, groupBy, measure: name, onPick })
		] }, name)) });
	}
	function Numbers({ answer, measures }) {
		let row = answer.totals ?? (answer.rows.length === 1 ? answer.rows[0] : void 0);
		return row === void 0 ? a4("p", { class: "no-rows", children: [
			"There are ",
			plural(answer.total_rows, "row"),
			", and a number is of one: ask for no buckets and no groups, or for the total of the range."
		] }) : a4("div", { class: "numbers", children: measures.map(({ name }) => a4(
			NumberTile,
			{
				large: !0,
				row,
				measure: name,
				error: errorOf(answer.provenance, name)
			},
			name
		)) });
	}
	function errorOf(provenance, measure2) {
		let error = provenance.approximate[measure2]?.relative_error;
		return error === void 0 ? void 0 : percent(error);
	}
	var HEIGHT = 300, LOWEST = 130;
	function TimePanels(props) {
		let { answer, groupBy, measures, definition, chart, onPick, onZoom } = props, [cursor, setCursor] = d2(), [pointed, setPointed] = d2(), first = measures.find(isNumber)?.name ?? "", groups = groupBy.join(), data = w2(
			() => chartData(answer, groupBy, first, COLOR_MEMORY),
			[answer, groups, first]
		), height = Math.max(LOWEST, (props.height ?? HEIGHT) / Math.min(measures.length, 2)), names = measures.map(({ name }) => name).join(), { panels, left } = w2(
			() => panelsOf(data, measures, chart, definition, height),
			[data, names, chart, definition, height]
		);
		return a4("div", { class: "panels", children: [
			data.series.some(({ kind }) => kind !== "all") && a4(Legend, { series: data.series, onPick, onPoint: setPointed }),
			data.hidden > 0 && a4("p", { class: "panel-note hidden-groups", children: [
				"Drawn are the largest ",
				COLORS,
				" of ",
				digits(COLORS + data.hidden),
				" groups; the table has all.",
				props.onOthers && a4("button", { type: "button", class: "button", onClick: props.onOthers, children: "Draw the others as one" })
			] }),
			panels.map(({ column: column2, name, apart, kind, whole }) => a4("section", { class: "panel", children: [
				a4(PanelHead, { ...props, measure: name, count: measures.length }),
				!isNumber(column2) && a4("p", { class: "panel-note", children: "Texts: the table shows them." }),
				apart && a4("p", { class: "panel-note", children: "Lines, since values of this kind cannot be added up." }),
				isNumber(column2) && a4(
					Plot,
					{
						data,
						measure: name,
						kind,
						whole,
						left,
						height,
						pointed,
						cursor,
						onCursor: setCursor,
						onZoom: onZoom && ((from, to) => zoom(data, from, to, onZoom)),
						onPick: onPick && ((series, exclude) => series.group && onPick(series.group, exclude))
					}
				)
			] }, name))
		] });
	}
	function panelsOf(data, measures, chart, definition, height) {
		let piled = chart === "stacked" || chart === "bar", panels = measures.map((column2) => {
			let apart = piled && !isAdditive(definition, column2.name) && data.series.length > 1, kind = apart || chart === "number" || chart === "table" ? "line" : chart;
			return { column: column2, name: column2.name, apart, kind, whole: column2.type === "integer" };
		}), size = { width: 0, height }, edges = panels.filter(({ column: column2 }) => isNumber(column2)).map(({ name, kind, whole }) => layoutOf({ data, measure: name, kind, whole, size }).left);
		return { panels, left: Math.max(0, ...edges) };
	}
	function zoom(data, from, to, onZoom) {
		let [first, last] = [data.buckets[from], data.buckets[to]], next = data.buckets[to + 1];
		if (first !== void 0 && last !== void 0) {
			let end = next?.follows ? next.time : new Date(last.end).toISOString();
			onZoom(first.time, end);
		}
	}
	function PanelHead({ answer, measure: measure2, count: count2, bare }) {
		let error = errorOf(answer.provenance, measure2);
		return bare && count2 < 2 ? null : answer.totals !== void 0 && valueOf(answer.totals, measure2) !== void 0 ? a4(NumberTile, { row: answer.totals, measure: measure2, error }) : a4("h2", { class: "panel-title", children: [
			measure2,
			error !== void 0 && a4(Approximate, { error })
		] });
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
	], OWN = ["chart", "live"];
	function readState(params) {
		let text3 = (name) => params.get(name) ?? "", list = (name) => text3(name).split(",").filter((item) => item !== ""), granularity = text3("granularity") || "all";
		return {
			metric: text3("metric"),
			measures: list("measures"),
			groupBy: list("group_by"),
			filter: text3("filter"),
			from: text3("from"),
			to: text3("to"),
			granularity,
			timezone: text3("timezone") || "UTC",
			compare: text3("compare"),
			chart: chartOf(text3("chart"), granularity, list("group_by").length),
			live: text3("live") === "true",
			params
		};
	}
	function chartOf(chosen, granularity, groups) {
		return CHART_KINDS.find((kind) => kind === chosen) ?? (granularity !== "all" ? "line" : groups > 0 ? "bar" : "number");
	}
	function withChanges(params, changes) {
		let all = new Map(params);
		for (let [name, value2] of Object.entries(changes))
			value2 === void 0 || value2 === "" ? all.delete(name) : all.set(name, value2);
		let known = [...ORDER, ...OWN], unknown = [...all.keys()].filter((name) => !known.includes(name)), ordered = [...ORDER, ...unknown, ...OWN].filter((name) => all.has(name));
		return new URLSearchParams(ordered.map((name) => [name, all.get(name) ?? ""]));
	}
	function queryOf(params, leaveOut = []) {
		let left = [...OWN, ...leaveOut];
		return readable(new URLSearchParams([...params].filter(([name]) => !left.includes(name))));
	}
	function groupChanges(groupBy, params) {
		if (groupBy.length === 0)
			return { group_by: "", group_limit: "", other: "", limit_per_bucket: "" };
		let limit = params.get("group_limit") ?? GROUP_LIMIT;
		return { group_by: groupBy.join(","), group_limit: limit, other: params.get("other") ?? "true" };
	}
	var GROUP_LIMIT = "8";
	function granularityChanges(granularity, having = "") {
		return granularity === "all" ? { granularity, fill: "", window: "" } : { granularity, fill: usualFill(having) };
	}
	function usualFill(having) {
		return having === "" ? "zero" : "null";
	}
	function havingChanges(having, params) {
		return params.get("fill") === usualFill(params.get("having") ?? "") ? { having, fill: usualFill(having) } : { having };
	}

	// src/pages/dashboards/board.ts
	var SHARED = ["from", "to", "timezone", "filter", "compare"], WIDTH_MAX = 12, HEIGHT_MAX = 8, WIDTH = 6, HEIGHT2 = 2;
	function widthOf(chart) {
		return within(chart.width, WIDTH, WIDTH_MAX);
	}
	function heightOf(chart) {
		return within(chart.height, HEIGHT2, HEIGHT_MAX);
	}
	function within(size, fallback, most) {
		let value2 = size instanceof Decimal ? size.approx() : size ?? fallback;
		return Number.isFinite(value2) ? Math.min(most, Math.max(1, Math.round(value2))) : fallback;
	}
	function sharedOf(board, params) {
		let value2 = (name) => params.get(name) ?? board[name] ?? "";
		return {
			from: value2("from"),
			to: value2("to"),
			timezone: value2("timezone"),
			filter: value2("filter"),
			compare: value2("compare")
		};
	}
	function withShared(board, params, changes) {
		let next = new URLSearchParams(params);
		for (let [name, value2] of Object.entries(changes))
			value2 === (board[name] ?? "") ? next.delete(name) : next.set(name, value2);
		return next;
	}
	function text2(value2) {
		return value2 == null ? "" : String(value2);
	}
	function both(first, second) {
		return first === "" || second === "" ? first + second : `(${first}) AND (${second})`;
	}
	var OWN_FIRST = ["from", "to", "timezone", "compare"], TIMED = ["line", "area", "stacked"];
	function chartParams(chart, shared, metric, now2) {
		let { query } = chart, all = {};
		for (let [name, value2] of Object.entries(query))
			all[name] = parameter(value2);
		for (let name of OWN_FIRST)
			all[name] ||= shared[name];
		if (all.filter = both(shared.filter, text2(query.filter)), text2(query.granularity) === "" && TIMED.includes(chart.chart)) {
			if (metric === void 0)
				return;
			Object.assign(all, granularityFor(all, metric, now2));
		}
		return new URLSearchParams(Object.entries(all).filter(([, value2]) => value2 !== ""));
	}
	function granularityFor(all, metric, now2) {
		let names = fitting(metric.definition.granularity ?? "minute", all.timezone || "UTC"), length = lengthOf(all.from ?? "", all.to ?? "", now2, metric.data) ?? 0;
		return { granularity: suggested(length, names, Math.min(BUCKETS_MAX, 200)), fill: all.fill || usualFill(all.having ?? "") };
	}
	function parameter(value2) {
		return Array.isArray(value2) ? value2.map(text2).join(",") : value2 !== null && typeof value2 == "object" && !(value2 instanceof Decimal) ? Object.entries(value2).map(([partition, offset]) => `${partition}:${text2(offset)}`).join(",") : text2(value2);
	}
	var LISTS = ["measures", "group_by", "order_by"], NUMBERS = ["limit", "offset", "group_limit"], FLAGS = ["totals", "other", "limit_per_bucket"], NOT_STORED = ["chart", "live", "after"];
	function queryDocument(params, leaveOut = []) {
		let query = {};
		for (let [name, value2] of params)
			NOT_STORED.includes(name) || leaveOut.includes(name) || (LISTS.includes(name) ? query[name] = value2.split(",").filter((item) => item !== "") : NUMBERS.includes(name) && /^\d+$/.test(value2) ? query[name] = new Decimal(value2) : query[name] = FLAGS.includes(name) ? value2 === "true" : value2);
		return query;
	}
	function moved(list, from, to) {
		let item = list[from];
		if (item === void 0 || to < 0 || to >= list.length)
			return list;
		let rest = list.filter((_4, at2) => at2 !== from);
		return [...rest.slice(0, to), item, ...rest.slice(to)];
	}
	function resized(chart, wider, taller) {
		return {
			...chart,
			width: within(widthOf(chart) + wider, WIDTH, WIDTH_MAX),
			height: within(heightOf(chart) + taller, HEIGHT2, HEIGHT_MAX)
		};
	}
	var ROW_PX = 160, GAP_PX = 14, FRAME_PX = 80, [TILE_PX, PLOT_PX, NAME_PX, LINE_PX2] = [72, 190, 40, 34];
	function fittingHeight(chart, timed, measures, rows) {
		let count2 = Math.max(1, measures), list = rows * LINE_PX2 + (count2 > 1 ? NAME_PX : 0), content = chart === "number" ? count2 * TILE_PX : chart === "table" ? (rows + 2) * LINE_PX2 : timed ? NAME_PX + count2 * PLOT_PX + (count2 - 1) * 2 * GAP_PX : count2 * list, least = chart === "number" ? 1 : 2, height = Math.ceil((content + FRAME_PX + GAP_PX) / (ROW_PX + GAP_PX));
		return Math.min(HEIGHT_MAX, Math.max(least, height));
	}
	function ownSettings({ query }, shared) {
		let own = (name) => text2(query[name]) || shared[name], differs2 = (name) => own(name) !== shared[name];
		return [
			differs2("from") || differs2("to") ? rangeLabel(own("from"), own("to")) : "",
			differs2("timezone") ? own("timezone").replaceAll("_", " ") : "",
			differs2("compare") ? `compared with ${own("compare").replace("_", " ")}` : ""
		].filter((part) => part !== "");
	}
	function withChart(board, chart, at2) {
		return {
			...board,
			charts: at2 === void 0 || at2 >= board.charts.length ? [...board.charts, chart] : board.charts.map(
				(old, place2) => place2 === at2 ? { ...old, chart: chart.chart, query: chart.query } : old
			)
		};
	}
	function titleOf({ title, query }) {
		if (title !== void 0 && title !== "")
			return title;
		let list = (name) => Array.isArray(query[name]) ? query[name].map(text2) : [], what = list("measures").join(", ") || text2(query.metric), groups = list("group_by").join(", ");
		return groups === "" ? what : `${what} by ${groups}`;
	}
	function boardText(board) {
		let { title, description, from, to, timezone, filter, compare, charts, ...rest } = board, ordered = { title, description, from, to, timezone, filter, compare, ...rest };
		return `${writeJson({ ...ordered, charts: (charts ?? []).map(chartFields) }, "  ")}
`;
	}
	function chartFields({ title, chart, width, height, query, ...rest }) {
		let { metric, ...others } = query ?? {};
		return { title, chart, width, height, query: { metric, ...others }, ...rest };
	}
	var NAME = /^[a-z][a-z0-9_-]{0,63}$/;
	function isBoardName(name) {
		return NAME.test(name);
	}
	function boardName(title) {
		let plain = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+|-+$/g, "").slice(0, 64);
		return plain === "" ? "dashboard" : plain;
	}

	// src/provenance.tsx
	function ProvenanceLine({ answer, query }) {
		let [open2, setOpen] = d2(!1), { provenance } = answer, warnings = answer.warnings?.length ?? 0, parts2 = [...lineOf2(provenance), ...warnings > 0 ? [plural(warnings, "warning")] : []];
		return a4($, { children: [
			a4(
				"button",
				{
					type: "button",
					class: provenance.complete ? "provenance" : "provenance incomplete",
					title: "What this answer is made of",
					onClick: () => setOpen(!0),
					children: parts2.join(" · ")
				}
			),
			open2 && a4(Dialog, { title: "What this answer is made of", wide: !0, onClose: () => setOpen(!1), children: [
				a4(Details, { answer }),
				query !== void 0 && a4(Explain, { query })
			] })
		] });
	}
	function lineOf2(provenance) {
		let { speed, approximate } = provenance;
		return [
			provenance.complete ? "complete" : `incomplete: ${provenance.missing.join(", ") || "behind"}`,
			`through ${position(speed.through)}`,
			`${duration(speed.lag_ms)} behind`,
			`generation ${provenance.generation}`,
			...Object.entries(approximate).map(
				([measure2, { relative_error }]) => relative_error === void 0 ? `${measure2} estimated` : `${measure2} ± ${percent(relative_error)}`
			)
		];
	}
	function position(through) {
		return Object.entries(through).map(([partition, offset]) => `${partition}:${offset}`).join(",");
	}
	function Details({ answer }) {
		let { provenance, warnings = [] } = answer, { batch, speed, approximate } = provenance;
		return a4("dl", { class: "facts", children: [
			a4(Fact, { name: "Complete", children: provenance.complete ? "yes: nothing below the position is missing" : "no" }),
			provenance.missing.length > 0 && a4(Fact, { name: "Missing", children: provenance.missing.join("; ") }),
			a4(Fact, { name: "Batch view", children: [
				plural(batch.events, "event"),
				", published ",
				dateTime(batch.published_at),
				", generation",
				" ",
				digits(provenance.generation)
			] }),
			a4(Fact, { name: "Speed view", children: [
				plural(speed.events, "event"),
				", ",
				duration(speed.lag_ms),
				" behind",
				speed.behind_events.text !== "0" && `, ${plural(speed.behind_events, "event")} not in yet`
			] }),
			a4(Fact, { name: "Position", children: [
				"through ",
				position(speed.through),
				": every event below is in the answer, none from it on",
				speed.reach && `; of those up to ${position(speed.reach)} some are`
			] }),
			a4(Fact, { name: "Metric", children: [
				answer.metric,
				", version ",
				digits(provenance.metric_version)
			] }),
			a4(Fact, { name: "Range", children: [
				answer.from === null ? "open" : dateTime(answer.from),
				" to",
				" ",
				answer.to === null ? "open" : dateTime(answer.to),
				", ",
				answer.timezone.replaceAll("_", " ")
			] }),
			answer.compare && a4(Fact, { name: "Compared with", children: [
				dateTime(answer.compare.from),
				" to ",
				dateTime(answer.compare.to)
			] }),
			provenance.open_bucket && a4(Fact, { name: "Can still grow", children: [
				"the bucket of ",
				dateTime(provenance.open_bucket)
			] }),
			provenance.partial_buckets.map((part) => a4(Fact, { name: "Cut bucket", children: [
				dateTime(part.time),
				": only ",
				dateTime(part.from),
				" to ",
				dateTime(part.to),
				" was asked for"
			] }, part.time)),
			Object.entries(approximate).map(([measure2, { method, relative_error }]) => a4(Fact, { name: measure2, children: [
				"an estimate",
				method && ` (${method})`,
				relative_error && `, relative error about ${percent(relative_error)}`
			] }, measure2)),
			warnings.map((warning) => a4(Fact, { name: "Warning", children: warning }, warning))
		] });
	}
	function Fact({ name, children }) {
		return a4($, { children: [
			a4("dt", { children: name }),
			a4("dd", { children })
		] });
	}
	function Explain({ query }) {
		let url = `/v1/query:explain?${query}`, found = useFetched(url, (signal) => get(url, signal));
		if (found.problem)
			return a4(ProblemView, { problem: found.problem });
		if (found.value === void 0)
			return a4(Loading, { label: "Explaining" });
		let { batch, speed, elapsed_ms, merge_ms, cached, rows, groups } = found.value, figures = [
			elapsed_ms && `${duration(elapsed_ms)} in all`,
			merge_ms && `${duration(merge_ms)} to merge`,
			rows && plural(rows, "row"),
			groups && plural(groups, "group"),
			cached && "an equal query finds its rows kept"
		].filter(Boolean), pieces = [
			...(batch?.pieces ?? []).map((piece) => pieceOf("batch", piece)),
			...speed === void 0 ? [] : [pieceOf("speed", speed)]
		], names = [...new Set(pieces.flatMap(({ figures: figures2 }) => Object.keys(figures2)))], columns2 = [
			{ key: "part", title: "part", render: ({ part }) => part },
			...names.map((name) => ({
				key: name,
				title: name.replace(/_ms$/, "").replaceAll("_", " "),
				number: pieces.some(({ figures: figures2 }) => figures2[name] instanceof Decimal),
				render: ({ figures: figures2 }) => figureText(name, figures2[name])
			}))
		];
		return a4("section", { children: [
			a4("h3", { children: "Explained" }),
			a4("p", { class: "muted", children: figures.join(" · ") }),
			a4(
				Table,
				{
					caption: "Pieces of the plan",
					columns: columns2,
					rows: pieces,
					rowKey: (_4, index) => String(index)
				}
			)
		] });
	}
	function pieceOf(layer, { grain, store, from, to, ...figures }) {
		let range = [from, to].filter((edge) => typeof edge == "string").map((edge) => dateTime(edge)), kind = [grain, store].filter((name) => typeof name == "string").join(" ");
		return { part: [layer, kind, range.join(" – ")].filter((text3) => text3 !== "").join(" · "), figures };
	}
	function figureText(name, value2) {
		return value2 == null ? "" : value2 instanceof Decimal ? name.endsWith("_ms") ? duration(value2) : name.startsWith("bytes") ? bytes(value2) : digits(value2) : typeof value2 == "boolean" ? value2 ? "yes" : "no" : typeof value2 == "string" ? value2 : "";
	}

	// src/pages/dashboards/card.tsx
	var FRAME_PX2 = 100, LEGEND_PX = 40, LOWEST_PX = 120, BESIDE = 8, NAME_PX2 = 36, PANEL_GAP_PX = 28, OWN_PX = 22;
	function ChartCard({ chart, shared, metric, every, children, onPick, onZoom }) {
		let params = chartParams(chart, shared, metric, Date.now()), query = params === void 0 ? "" : readable(params), asked2 = useFetched(
			query,
			async (signal) => ({ answer: await get(`/v1/query?${query}`, signal), query }),
			every
		), title = titleOf(chart), own = ownSettings(chart, shared), [width, height] = [widthOf(chart), heightOf(chart)], answer = asked2.value?.answer, groupBy = groupsOf(asked2.value?.query ?? ""), count2 = answer === void 0 ? 0 : measuresOf(answer, groupBy).length, beside2 = count2 > 1 && width >= BESIDE;
		return a4(
			"section",
			{
				class: children ? "card board-chart editing" : "card board-chart",
				"aria-label": title,
				"aria-busy": asked2.loading,
				style: { "--w": width, "--h": height },
				children: [
					a4("div", { class: "board-title", children: [
						a4("h2", { class: "break", children: title }),
						params && !children && a4(
							Link,
							{
								to: "/explore",
								params: withChanges(params, { chart: chart.chart }),
								class: "button quiet small",
								children: [
									a4("span", { "aria-hidden": "true", children: "↗" }),
									a4("span", { class: "visually-hidden", children: [
										"Explore ",
										title
									] })
								]
							}
						)
					] }),
					own.length > 0 && a4("p", { class: "board-own", children: [
						"Its own: ",
						own.join(" · ")
					] }),
					children,
					a4("div", { class: beside2 ? "board-body beside" : "board-body", tabIndex: -1, children: [
						asked2.problem && a4(ProblemView, { problem: asked2.problem, children: a4(Button, { onClick: asked2.reload, children: "Try again" }) }),
						answer && !(asked2.problem && asked2.value?.query !== query) && a4(
							ChartView,
							{
								answer,
								question: asked2.value?.query ?? "",
								groupBy,
								chart: chart.chart,
								definition: metric?.definition,
								title,
								height: plotHeight(height, groupBy.length, count2, beside2) - (own.length > 0 ? OWN_PX : 0),
								bare: !0,
								onPick,
								onZoom
							}
						),
						!answer && !asked2.problem && a4(Loading, {})
					] }),
					answer && a4(ProvenanceLine, { answer, query: asked2.value?.query ?? query })
				]
			}
		);
	}
	function plotHeight(rows, groups, measures, beside2) {
		let above = measures > 1 && !beside2 ? 2 : 1, heads = measures > 1 ? above * NAME_PX2 + (above - 1) * PANEL_GAP_PX : 0, taken2 = FRAME_PX2 + (groups > 0 ? LEGEND_PX : 0) + heads, height = Math.max(LOWEST_PX, rows * ROW_PX + (rows - 1) * GAP_PX - taken2);
		return beside2 ? 2 * height : height;
	}

	// src/pages/dashboards/store.ts
	var recent = { name: "", timezone: "" }, PATH = "/v1/dashboards";
	function boardUrl(name) {
		return `${PATH}/${encodeURIComponent(name)}`;
	}
	async function listBoards(signal) {
		return (await get(PATH, signal)).dashboards;
	}
	async function loadBoard(name, signal) {
		let reply = await request(boardUrl(name), signal === void 0 ? {} : { signal });
		return { board: reply.value, etag: reply.headers.get("ETag") ?? "" };
	}
	async function saveBoard(name, board, etag) {
		let headers = etag === void 0 ? { "If-None-Match": "*" } : { "If-Match": etag }, body = board;
		try {
			let reply = await request(boardUrl(name), { method: "PUT", headers, body });
			return { board, etag: reply.headers.get("ETag") ?? "" };
		} catch (error) {
			throw etag === void 0 && isConflict(error) ? taken(name) : error;
		}
	}
	function taken(name) {
		let detail = `There is a dashboard \`${name}\` already. Choose another name.`;
		return new Problem({ title: "The name is taken", detail, code: "name_taken" }, 412);
	}
	async function deleteBoard(name) {
		await request(boardUrl(name), { method: "DELETE" });
	}
	function isConflict(error) {
		return error instanceof Problem && error.status === 412;
	}

	// src/pages/dashboards/conflict.tsx
	function Conflict({ name, mine, onClose, onDone }) {
		let theirs = useFetched(name, (signal) => loadBoard(name, signal)), { busy, problem, run } = useAction();
		return a4(Dialog, { title: "The dashboard has changed meanwhile", onClose, children: [
			a4("p", { children: "Somebody saved it after you began to edit. Nothing of either is lost until you choose." }),
			a4(Gate, { of: theirs, children: (stored2) => a4($, { children: [
				a4("dl", { class: "fact-grid", children: [
					a4(Side, { title: "Yours", board: mine }),
					a4(Side, { title: "Theirs", board: stored2.board })
				] }),
				problem && a4(ProblemView, { problem }),
				a4("footer", { children: [
					a4(Button, { onClick: () => onDone(stored2), children: "Take theirs" }),
					a4(
						Button,
						{
							kind: "primary",
							disabled: busy,
							onClick: () => {
								run(async () => onDone(await saveBoard(name, mine, stored2.etag)));
							},
							children: "Replace with mine"
						}
					)
				] })
			] }) })
		] });
	}
	function Side({ title, board }) {
		return a4("div", { children: [
			a4("dt", { children: title }),
			a4("dd", { children: [
				a4("span", { class: "break", children: board.title || "–" }),
				", ",
				plural(board.charts.length, "chart"),
				a4("div", { children: a4(CopyButton, { text: boardText(board), what: `${title.toLowerCase()} as text` }) })
			] })
		] });
	}

	// src/pages/dashboards/draft.ts
	var drafts = /* @__PURE__ */ new Map();
	function useDraft(name, stored2, params) {
		let [draft, setDraft] = d2(
			() => drafts.get(name) ?? {
				board: { ...stored2.board, ...sharedOf(stored2.board, params) },
				etag: stored2.etag
			}
		);
		return {
			...draft,
			changed: boardText(draft.board) !== boardText(stored2.board),
			set: (board) => {
				let next = { board, etag: draft.etag };
				drafts.set(name, next), setDraft(next);
			},
			forget: () => drafts.delete(name)
		};
	}
	function useWarning(unsaved) {
		A2(() => {
			let warn = (event) => unsaved && event.preventDefault();
			return addEventListener("beforeunload", warn), () => removeEventListener("beforeunload", warn);
		}, [unsaved]);
	}

	// src/pages/dashboards/edit.tsx
	function ChartControls({ board, at: at2, onChange }) {
		let chart = board.charts[at2], title = titleOf(chart), setCharts = (charts) => onChange({ ...board, charts }), replace = (next) => setCharts(board.charts.map((old, place2) => place2 === at2 ? next : old)), step = (label, text3, off, act) => a4(Button, { class: "small", "aria-label": `${label}: ${title}`, title: label, disabled: off, onClick: act, children: text3 });
		return a4("div", { class: "board-controls", children: [
			a4("div", { class: "row", children: [
				a4(
					"input",
					{
						class: "board-name",
						"aria-label": `Title of ${title}`,
						value: chart.title ?? "",
						placeholder: title,
						onInput: (event) => replace({ ...chart, title: event.currentTarget.value })
					}
				),
				a4(
					"select",
					{
						"aria-label": `Kind of ${title}`,
						value: chart.chart,
						onChange: (event) => replace({ ...chart, chart: event.currentTarget.value }),
						children: CHART_KINDS.map((kind) => a4("option", { value: kind, children: kind }, kind))
					}
				)
			] }),
			a4("div", { class: "row", children: [
				a4("span", { class: "steps", role: "group", "aria-label": `Place of ${title}`, children: [
					step("Move earlier", "←", at2 === 0, () => setCharts(moved(board.charts, at2, at2 - 1))),
					step(
						"Move later",
						"→",
						at2 === board.charts.length - 1,
						() => setCharts(moved(board.charts, at2, at2 + 1))
					)
				] }),
				a4("span", { class: "steps", role: "group", "aria-label": `Width of ${title}`, children: [
					step("Narrower", "−", widthOf(chart) === 1, () => replace(resized(chart, -1, 0))),
					a4("span", { class: "muted", children: [
						widthOf(chart),
						" wide"
					] }),
					step("Wider", "+", widthOf(chart) === 12, () => replace(resized(chart, 1, 0)))
				] }),
				a4("span", { class: "steps", role: "group", "aria-label": `Height of ${title}`, children: [
					step("Lower", "−", heightOf(chart) === 1, () => replace(resized(chart, 0, -1))),
					a4("span", { class: "muted", children: [
						heightOf(chart),
						" high"
					] }),
					step("Higher", "+", heightOf(chart) === 8, () => replace(resized(chart, 0, 1)))
				] }),
				a4(
					Button,
					{
						kind: "danger",
						class: "small",
						"aria-label": `Remove ${title}`,
						onClick: () => setCharts(board.charts.filter((_4, place2) => place2 !== at2)),
						children: "Remove"
					}
				)
			] })
		] });
	}
	function BoardHead({ board, onChange }) {
		return a4("section", { class: "card fields board-head", "aria-label": "Title and description", children: [
			a4(Field, { label: "Title", children: a4(
				"input",
				{
					value: board.title ?? "",
					onInput: (event) => onChange({ ...board, title: event.currentTarget.value })
				}
			) }),
			a4(Field, { label: "Description", children: a4(
				"input",
				{
					value: board.description ?? "",
					onInput: (event) => onChange({ ...board, description: event.currentTarget.value })
				}
			) })
		] });
	}

	// src/explore/filters.tsx
	function Filters({ metric, filter, openRequest, onChange }) {
		let chips = parseFilter(filter), replace = (at2, chip) => onChange(writeFilter(chips.flatMap((known, n3) => n3 !== at2 ? [known] : chip ? [chip] : [])));
		return a4("div", { class: "filters", children: [
			chips.map(
				(chip, at2) => chip.kind === "text" ? a4(
					TextChip,
					{
						text: chip.text,
						filter,
						onChange,
						onRemove: () => replace(at2, void 0)
					},
					at2
				) : a4(
					ValuesChip,
					{
						metric,
						chip,
						onChange: (changed) => replace(at2, changed)
					},
					at2
				)
			),
			a4(
				Popover,
				{
					class: "button quiet",
					openRequest,
					name: "Add a filter",
					label: a4($, { children: "+ Filter" }),
					children: (close) => a4(
						AddFilter,
						{
							metric,
							filter,
							onText: (text3) => {
								close(), onChange(text3);
							},
							onChip: (chip) => {
								close(), onChange(writeFilter([...chips, chip]));
							}
						}
					)
				}
			)
		] });
	}
	function TextChip({ text: text3, filter, onChange, onRemove }) {
		return a4("span", { class: "chip", children: [
			a4(Popover, { class: "chip-button", name: `Filter: ${text3}`, label: a4("code", { children: text3 }), children: (close) => a4(
				FilterText,
				{
					filter,
					onApply: (changed) => {
						close(), onChange(changed);
					}
				}
			) }),
			a4("button", { type: "button", class: "chip-remove", "aria-label": `Remove filter: ${text3}`, onClick: onRemove, children: "×" })
		] });
	}
	function FilterText({ filter, onApply }) {
		let [text3, setText] = d2(filter);
		return a4(
			"form",
			{
				class: "filter-text",
				onSubmit: (event) => {
					event.preventDefault(), onApply(text3.trim());
				},
				children: [
					a4(Field, { label: "Filter", hint: "SQL over dimensions: = <> < > IN LIKE IS NULL AND OR NOT", children: a4(
						"textarea",
						{
							class: "code",
							rows: 4,
							spellcheck: !1,
							value: text3,
							onInput: (event) => setText(event.currentTarget.value)
						}
					) }),
					a4(Button, { kind: "primary", type: "submit", children: "Apply" })
				]
			}
		);
	}
	var NAMED = 3;
	function chipLabel({ dimension, exclude, values }) {
		let named2 = values.slice(0, NAMED).map(valueLabel).join(", "), more = values.length > NAMED ? ` and ${values.length - NAMED} more` : "";
		return `${dimension} ${exclude ? "is not" : "is"} ${named2}${more}`;
	}
	function ValuesChip({ metric, chip, onChange }) {
		let label = chipLabel(chip);
		return a4("span", { class: chip.exclude ? "chip exclude" : "chip", children: [
			a4(Popover, { class: "chip-button", name: `Filter: ${label}`, label: a4("bdi", { children: label }), children: () => a4(ValuesEditor, { metric, chip, onChange }) }),
			a4(
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
		return a4("div", { class: "values-editor", children: [
			a4("div", { class: "segments", role: "group", "aria-label": "Include or exclude", children: [!1, !0].map((exclude) => a4(
				"button",
				{
					type: "button",
					"aria-pressed": chip.exclude === exclude,
					onClick: () => onChange({ ...chip, exclude }),
					children: exclude ? "is not" : "is"
				},
				String(exclude)
			)) }),
			a4(
				ValuePicker,
				{
					metric,
					dimension: chip.dimension,
					selected: chip.values,
					onToggle: (value2) => {
						let without = chip.values.filter((known) => known !== value2), values = without.length === chip.values.length ? [...without, value2] : without;
						onChange(values.length === 0 ? void 0 : { ...chip, values });
					}
				}
			)
		] });
	}
	function AddFilter({ metric, filter, onChip, onText }) {
		let [dimension, setDimension] = d2(), [written2, setWritten] = d2(!1);
		return written2 ? a4(FilterText, { filter, onApply: onText }) : dimension === void 0 ? a4(
			Picker,
			{
				name: "Dimension",
				options: dimensionNames(metric?.definition).map((value2) => ({ value: value2 })),
				selected: [],
				onSelect: setDimension,
				footer: a4("button", { type: "button", class: "menu-item", onClick: () => setWritten(!0), children: "Write as text…" })
			}
		) : a4(
			ValuePicker,
			{
				metric,
				dimension,
				selected: [],
				onToggle: (value2) => onChip({ kind: "values", dimension, exclude: !1, values: [value2] })
			}
		);
	}
	var VALUES = 50, key2 = (value2) => value2 === null ? "null" : `=${value2}`;
	function ValuePicker({ metric, dimension, selected, onToggle }) {
		let [prefix, setPrefix] = d2(""), path = `/v1/metrics/${metric?.name ?? ""}/dimensions/${dimension}`, url = withParams(path, { prefix, limit: VALUES, partial: "allow" }), found = useFetched(
			metric === void 0 ? "" : url,
			(signal) => get(url, signal)
		);
		if (found.problem)
			return a4(ProblemView, { problem: found.problem });
		let list = found.value?.values ?? [], known = new Set(list.map(({ value: value2 }) => key2(value2))), chosen = prefix === "" ? selected.filter((value2) => !known.has(key2(value2))) : [], total = found.value?.total_values.approx() ?? 0;
		return a4(
			Picker,
			{
				name: `Values of ${dimension}`,
				multiple: !0,
				onSearch: setPrefix,
				options: [
					...chosen.map((value2) => ({ value: key2(value2), label: valueLabel(value2) })),
					...list.map(({ value: value2, count: count2 }) => ({
						value: key2(value2),
						label: valueLabel(value2),
						hint: count2 && digits(count2)
					}))
				],
				selected: selected.map(key2),
				onSelect: (chosen2) => onToggle(chosen2 === "null" ? null : chosen2.slice(1)),
				footer: a4("p", { class: "picker-none muted", children: [
					total > list.length && `${digits(total - list.length)} more: type how they begin. `,
					found.value?.counted_by && `Counts are of all time, by ${found.value.counted_by}.`
				] })
			}
		);
	}

	// src/explore/options.tsx
	function Select({ label, value: value2, options, onSelect, ...rest }) {
		let known = options.some(([name]) => name === value2);
		return a4(
			"select",
			{
				...rest,
				class: "select",
				"aria-label": label,
				value: value2,
				onChange: (event) => onSelect(event.currentTarget.value),
				children: [
					!known && a4("option", { value: value2, children: value2 }),
					options.map(([name, text3]) => a4("option", { value: name, children: text3 }, name))
				]
			}
		);
	}
	var ROWS_MAX = 1e4;
	function GranularitySelect({ current, fitting: fitting2, length, onSelect }) {
		let offered2 = GRANULARITIES.filter(
			([name, , bucket]) => fitting2.includes(name) && (length === void 0 || length / bucket <= ROWS_MAX)
		);
		return a4(
			Select,
			{
				label: "Granularity",
				value: current,
				options: [["all", "Whole range"], ...offered2.map(([name, label]) => [name, label])],
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
		return a4(Select, { id: "compare", label: "Compare", value: current, options: COMPARE, onSelect });
	}
	var ICONS = {
		line: a4("path", { d: "M1 12l4-5 4 3 6-8" }),
		area: a4("path", { d: "M1 12l4-5 4 3 6-8v12H1z", class: "filled" }),
		stacked: a4($, { children: [
			a4("path", { d: "M1 14v-3l5-2 4 1 5-3v7z", class: "filled" }),
			a4("path", { d: "M1 7l5-3 4 1 5-4" })
		] }),
		bar: a4("path", { d: "M3 14V8M8 14V3M13 14V6", class: "wide" }),
		number: a4("path", { d: "M5 2L4 14M12 2l-1 12M2 5.5h12M1.5 10.5h12" }),
		table: a4("path", { d: "M1.5 2.5h13v11h-13zM1.5 6h13M6 6v7.5" })
	}, NAMES = {
		line: "Line",
		area: "Area",
		stacked: "Stacked area",
		bar: "Bars",
		number: "Number",
		table: "Table"
	};
	function ChartKinds({ current, onSelect }) {
		return a4("div", { class: "segments chart-kinds", role: "group", "aria-label": "Chart", children: CHART_KINDS.map((kind) => a4(
			"button",
			{
				type: "button",
				"aria-pressed": kind === current,
				"aria-label": NAMES[kind],
				title: NAMES[kind],
				onClick: () => onSelect(kind),
				children: a4("svg", { width: "16", height: "16", viewBox: "0 0 16 16", "aria-hidden": "true", children: ICONS[kind] })
			},
			kind
		)) });
	}
	var WINDOWS = ["7d", "28d", "30d", "90d", "12M"], FILL = [
		["", "Leave out"],
		["zero", "Zero"],
		["null", "A gap"],
		["previous", "The value before"]
	];
	function More({ params, timed, grouped: grouped2, onChange }) {
		return a4(Popover, { class: "button quiet", name: "More options", label: "More", children: () => a4("div", { class: "more", children: [
			timed && a4($, { children: [
				a4(Field, { label: "Empty buckets", children: a4(
					Select,
					{
						label: "Empty buckets",
						value: params.get("fill") ?? "",
						options: FILL,
						onSelect: (fill) => onChange({ fill })
					}
				) }),
				a4(
					Text,
					{
						label: "Window",
						hint: "Each bucket merges what ends with it, as 7d or 28d",
						value: params.get("window") ?? "",
						suggestions: WINDOWS,
						onChange: (window2) => onChange({ window: window2 })
					}
				)
			] }),
			grouped2 && a4($, { children: [
				a4(
					Text,
					{
						label: "Groups",
						hint: "The largest over the whole range",
						value: params.get("group_limit") ?? "",
						onChange: (limit) => onChange({ group_limit: limit || GROUP_LIMIT })
					}
				),
				a4(
					Check,
					{
						label: "All others as one",
						value: params.get("other") === "true",
						onChange: (other) => onChange({ other: other ? "true" : "" })
					}
				)
			] }),
			a4(
				Text,
				{
					label: "Having",
					hint: "SQL over measures, after the merge",
					value: params.get("having") ?? "",
					onChange: (having) => onChange(havingChanges(having, params))
				}
			),
			a4(
				Check,
				{
					label: "Total of the range",
					value: params.get("totals") === "true",
					onChange: (totals) => onChange({ totals: totals ? "true" : "" })
				}
			),
			a4(
				Check,
				{
					label: "Allow incomplete answers",
					value: params.get("partial") === "allow",
					onChange: (partial) => onChange({ partial: partial ? "allow" : "" })
				}
			)
		] }) });
	}
	function OptionChips({ params, onChange }) {
		let chip = (name, without) => {
			let label = `${name} ${params.get(name)}`;
			return params.get(name) ? a4("span", { class: "chip", children: [
				a4("bdi", { class: "chip-text", children: label }),
				a4(
					"button",
					{
						type: "button",
						class: "chip-remove",
						"aria-label": `Remove ${label}`,
						onClick: () => onChange(without),
						children: "×"
					}
				)
			] }, name) : null;
		};
		return a4($, { children: [
			chip("window", { window: "" }),
			chip("having", havingChanges("", params))
		] });
	}
	function Text({ label, hint, value: value2, suggestions = [], onChange }) {
		let list = P2();
		return a4($, { children: [
			a4(Field, { label, hint, children: a4(
				"input",
				{
					type: "text",
					list,
					autocomplete: "off",
					spellcheck: !1,
					value: value2,
					onChange: (event) => onChange(event.currentTarget.value.trim())
				}
			) }),
			a4("datalist", { id: list, children: suggestions.map((text3) => a4("option", { value: text3 }, text3)) })
		] });
	}
	function Check({ label, value: value2, onChange }) {
		return a4("label", { class: "check", children: [
			a4(
				"input",
				{
					type: "checkbox",
					checked: value2,
					onChange: (event) => onChange(event.currentTarget.checked)
				}
			),
			label
		] });
	}

	// src/explore/pickers.tsx
	function MetricPicker({ metrics: metrics2, current, openRequest, onSelect }) {
		return a4(
			Popover,
			{
				class: "metric-button",
				name: `Metric: ${current || "none"}`,
				openRequest,
				label: a4(Opener, { text: current || "Choose a metric" }),
				children: (close) => a4(
					Picker,
					{
						name: "Metric",
						options: metrics2.map(({ name, description }) => ({ value: name, hint: description })),
						selected: [current],
						onSelect: (name) => {
							close(), onSelect(name);
						}
					}
				)
			}
		);
	}
	function Opener({ text: text3 }) {
		return a4($, { children: [
			a4("span", { class: "button-text", children: text3 }),
			a4(Caret, {})
		] });
	}
	function Caret() {
		return a4("svg", { class: "caret", width: "10", height: "6", viewBox: "0 0 10 6", "aria-hidden": "true", children: a4("path", { d: "M1 1l4 4 4-4" }) });
	}
	function MeasurePicker({ metric, selected, onSelect }) {
		let measures = Object.entries(metric?.definition.measures ?? {}), shown2 = selected.length === 0 ? measures.map(([name]) => name) : selected, first = shown2[0] ?? "Measures", label = shown2.length > 1 ? `${first} and ${shown2.length - 1} more` : first;
		return a4(Popover, { name: `Measures: ${label}`, label: a4(Opener, { text: label }), children: () => a4(
			Picker,
			{
				name: "Measures",
				multiple: !0,
				options: measures.map(([name, { kind, of, expr }]) => ({
					value: name,
					hint: expr ?? (of === void 0 ? kind : `${kind} of ${of}`)
				})),
				selected: shown2,
				onSelect: (name) => onSelect(toggled(shown2, name, measures.length))
			}
		) });
	}
	function toggled(list, name, most) {
		let without = list.filter((known) => known !== name), next = without.length === list.length ? [...list, name] : without;
		return next.length === 0 || next.length > most ? [name] : next;
	}
	var GROUPS_MAX = 2;
	function GroupPicker({ metric, selected, onSelect }) {
		let label = selected.length === 0 ? "Group by" : `by ${selected.join(", ")}`;
		return a4(Popover, { name: `Group by: ${selected.join(", ") || "nothing"}`, label: a4(Opener, { text: label }), children: () => a4(
			Picker,
			{
				name: "Group by",
				multiple: !0,
				options: dimensionNames(metric?.definition).map((value2) => ({ value: value2 })),
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
		return a4(Popover, { name: `Time zone: ${current}`, label: a4(Opener, { text: current.replaceAll("_", " ") }), children: (close) => a4(
			Picker,
			{
				name: "Time zone",
				free: !0,
				options: zones().map((value2) => ({
					value: value2,
					label: value2.replaceAll("_", " "),
					hint: value2 === browserZone() ? "this browser" : void 0
				})),
				selected: [current],
				onSelect: (zone) => {
					close(), onSelect(zone);
				}
			}
		) });
	}
	function zones() {
		return [.../* @__PURE__ */ new Set(["UTC", browserZone(), ...Intl.supportedValuesOf("timeZone")])];
	}

	// src/explore/range-picker.tsx
	function RangePicker(props) {
		let label = rangeLabel(props.from, props.to);
		return a4(Popover, { name: `Range: ${label}`, openRequest: props.openRequest, label: a4(Opener, { text: label }), children: (close) => a4(Panel, { ...props, close }) });
	}
	function Panel({ from, to, onSelect, close }) {
		let [start, setStart] = d2(from), [end, setEnd] = d2(to), choose = (first, last) => {
			close(), onSelect(first.trim(), last.trim());
		};
		return a4("div", { class: "range-panel", children: [
			a4("ul", { class: "presets", "aria-label": "Ranges", children: PRESETS.map((preset) => a4("li", { children: a4(
				"button",
				{
					type: "button",
					class: "menu-item",
					"aria-pressed": rangeLabel(from, to) === preset.label,
					onClick: () => choose(preset.from, preset.to),
					children: preset.label
				}
			) }, preset.label)) }),
			a4(
				"form",
				{
					class: "range-form",
					onSubmit: (event) => {
						event.preventDefault(), choose(start, end);
					},
					children: [
						a4(Edge, { label: "From", value: start, onChange: setStart }),
						a4(Edge, { label: "To, not included", value: end, onChange: setEnd }),
						a4("p", { class: "field-hint", children: [
							"As ",
							a4("code", { children: "now-7d" }),
							", ",
							a4("code", { children: "yesterday" }),
							", ",
							a4("code", { children: "2026-11" }),
							", ",
							a4("code", { children: "2026-W47" }),
							",",
							" ",
							a4("code", { children: "2026-11-28T12:00:00Z" }),
							". Empty: open."
						] }),
						a4(Button, { kind: "primary", type: "submit", children: "Apply" })
					]
				}
			)
		] });
	}
	function Edge({ label, value: value2, onChange }) {
		return a4("div", { class: "range-edge", children: [
			a4(Field, { label, children: a4(
				"input",
				{
					type: "text",
					autocomplete: "off",
					spellcheck: !1,
					value: value2,
					onInput: (event) => onChange(event.currentTarget.value)
				}
			) }),
			a4(
				"input",
				{
					type: "date",
					"aria-label": `${label}: date`,
					value: /^\d{4}-\d\d-\d\d$/.test(value2) ? value2 : "",
					onInput: (event) => event.currentTarget.value !== "" && onChange(event.currentTarget.value)
				}
			)
		] });
	}

	// src/pages/dashboards/settings.tsx
	function SharedSettings({ shared, metrics: metrics2, open: open2, onChange }) {
		return a4("div", { class: "controls board-settings", children: [
			a4(
				Filters,
				{
					metric: offered(metrics2),
					filter: shared.filter,
					openRequest: open2.filter,
					onChange: (filter) => onChange({ filter })
				}
			),
			a4("span", { class: "controls-gap" }),
			a4(
				RangePicker,
				{
					from: shared.from,
					to: shared.to,
					openRequest: open2.range,
					onSelect: (from, to) => onChange({ from, to })
				}
			),
			a4(ZonePicker, { current: shared.timezone || "UTC", onSelect: (timezone) => onChange({ timezone }) }),
			a4(CompareSelect, { current: shared.compare, onSelect: (compare) => onChange({ compare }) })
		] });
	}
	function offered(metrics2) {
		let [first, ...others] = metrics2;
		if (first === void 0)
			return;
		let dimensions2 = dimensionNames(first.definition).filter(
			(name) => others.every(({ definition }) => dimensionNames(definition).includes(name))
		);
		return { ...first, definition: { ...first.definition, dimensions: dimensions2 } };
	}

	// src/pages/dashboards/page.tsx
	var LIVE_MS = 5e3;
	function BoardPage({ name }) {
		let loaded = useFetched(name, (signal) => loadBoard(name, signal)), [written2, setWritten] = d2(), stored2 = written2 ?? loaded.value, editing = place.value.params.has("edit") && may("admin");
		return A2(() => {
			stored2 !== void 0 && (document.title = `${stored2.board.title || name} · Merganser`, Object.assign(recent, { name, timezone: stored2.board.timezone ?? "" }));
		}, [stored2]), stored2 === void 0 ? a4($, { children: [
			a4(PageHeading, { title: name }),
			a4(Gate, { of: loaded, children: () => null })
		] }) : editing ? a4(EditBoard, { name, stored: stored2, onSaved: setWritten }, stored2.etag) : a4(LookAtBoard, { name, board: stored2.board });
	}
	function LookAtBoard({ name, board }) {
		let { path, params } = place.value, [deleting, setDeleting] = d2(!1), live = params.get("live") === "true", change2 = (changes) => navigate(path, withShared(board, params, changes)), set = (param, on) => {
			let next = new URLSearchParams(params);
			on ? next.set(param, param === "live" ? "true" : "1") : next.delete(param), navigate(path, next, param === "live");
		}, remove = async () => {
			await deleteBoard(name), navigate("/d");
		};
		return a4($, { children: [
			a4(PageHeading, { title: board.title || name, children: [
				a4(
					Button,
					{
						"aria-pressed": live,
						class: live ? "live running" : "live",
						title: `Ask again every ${LIVE_MS / 1e3} s`,
						onClick: () => set("live", !live),
						children: [
							a4("span", { class: "live-dot", "aria-hidden": "true" }),
							"Live"
						]
					}
				),
				may("admin") && a4($, { children: [
					a4(Button, { onClick: () => set("edit", !0), children: "Edit" }),
					a4(
						Menu,
						{
							label: "More",
							name: "More",
							items: [{ label: "Delete…", danger: !0, onSelect: () => setDeleting(!0) }]
						}
					)
				] })
			] }),
			board.description && a4("p", { class: "lead board-lead break", children: board.description }),
			a4(
				Grid,
				{
					board,
					shared: sharedOf(board, params),
					every: live ? LIVE_MS : void 0,
					onShared: change2
				}
			),
			deleting && a4(
				Confirm,
				{
					title: `Delete ${name}?`,
					action: `Delete ${name}`,
					onConfirm: remove,
					onClose: () => setDeleting(!1),
					children: a4("p", { children: "The dashboard goes for everybody. Metrics and events stay." })
				}
			)
		] });
	}
	function Grid({ board, shared, every, onShared, onBoard }) {
		let metrics2 = useMetrics(board), [open2, setOpen] = d2({ range: 0, filter: 0 });
		return useKeys({
			t: () => setOpen({ ...open2, range: open2.range + 1 }),
			f: () => setOpen({ ...open2, filter: open2.filter + 1 }),
			c: () => document.getElementById("compare")?.focus()
		}), a4($, { children: [
			a4(
				SharedSettings,
				{
					shared,
					metrics: (metrics2 ?? []).map(({ metric }) => metric),
					open: open2,
					onChange: onShared
				}
			),
			board.charts.length === 0 && a4(Empty, { title: "There is no chart yet.", children: a4("p", { children: [
				"Look at a metric in ",
				a4(Link, { to: "/explore", children: "Explore" }),
				", then choose “Save to dashboard”."
			] }) }),
			a4("div", { class: "board", children: board.charts.map((chart, at2) => a4(
				ChartCard,
				{
					chart,
					shared,
					metric: metrics2 && (extentIn(metrics2, chart) ?? UNKNOWN),
					every,
					onPick: (group, exclude) => onShared({ filter: writeFilter(picked(parseFilter(shared.filter), group, exclude)) }),
					onZoom: (from, to) => onShared({ from, to }),
					children: onBoard && a4(ChartControls, { board, at: at2, onChange: onBoard })
				},
				at2
			)) })
		] });
	}
	function useMetrics(board) {
		let names = [...new Set(board.charts.map(({ query }) => String(query.metric ?? "")))], found = useFetched(names.filter((name) => name !== "").join(","), async (signal) => {
			let all = names.map((name) => loadMetric(name, signal).catch(() => {
			}));
			return (await Promise.all(all)).flatMap((metric) => metric === void 0 ? [] : [metric]);
		});
		return w2(
			() => found.value?.map((metric) => ({ metric, extent: extentOf2(metric) })),
			[found.value]
		);
	}
	var UNKNOWN = { definition: { event: "*", measures: {} }, data: void 0 };
	function extentIn(metrics2, { query }) {
		return metrics2.find(({ metric }) => metric.name === query.metric)?.extent;
	}
	function extentOf2({ definition, first_bucket, last_bucket }) {
		let [first, last] = [Date.parse(first_bucket ?? ""), Date.parse(last_bucket ?? "")];
		return { definition, data: Number.isNaN(first) || Number.isNaN(last) ? void 0 : [first, last] };
	}
	function EditBoard({ name, stored: stored2, onSaved }) {
		let { path, params } = place.value, draft = useDraft(name, stored2, params), { board } = draft, [text3, setText] = d2(), [conflict, setConflict] = d2(), { busy, problem, mark, attempt } = useMarkedAction(), mode = text3 === void 0 ? "charts" : "text", unsaved = text3 !== void 0 || draft.changed;
		useWarning(unsaved);
		let leave = (to = path) => {
			draft.forget(), navigate(to);
		}, current = () => text3 === void 0 ? board : readJson(text3), switchTo = (next) => attempt(text3, "json", async () => {
			let document2 = current();
			draft.set({ ...document2, charts: document2.charts ?? [] }), setText(next === "text" ? boardText(document2) : void 0);
		}), save2 = (to = path) => attempt(text3, "json", async () => {
			let document2 = current();
			try {
				onSaved(await saveBoard(name, document2, draft.etag)), leave(to);
			} catch (error) {
				if (!isConflict(error))
					throw error;
				setConflict(document2);
			}
		});
		return a4($, { children: [
			a4(PageHeading, { title: board.title || name, children: [
				unsaved && a4("span", { class: "muted", children: "Not saved yet" }),
				a4(Button, { disabled: busy, onClick: () => unsaved ? save2("/explore") : leave("/explore"), children: unsaved ? "Save and add from Explore" : "Add from Explore" }),
				a4(Button, { onClick: () => leave(), children: "Cancel" }),
				a4(Button, { kind: "primary", disabled: busy, onClick: () => save2(), children: "Save" })
			] }),
			a4("div", { class: "stack board-edit", children: [
				problem && a4(ProblemView, { problem }),
				a4(
					Tabs,
					{
						label: "Edit as",
						tabs: MODES,
						current: mode,
						onSelect: (next) => next !== mode && switchTo(next)
					}
				),
				text3 === void 0 ? a4(EditCharts, { board, onChange: draft.set }) : a4(SourceField, { label: "Dashboard as JSON", value: text3, mark, onInput: setText })
			] }),
			conflict && a4(
				Conflict,
				{
					name,
					mine: conflict,
					onClose: () => setConflict(void 0),
					onDone: (taken2) => {
						onSaved(taken2), leave();
					}
				}
			)
		] });
	}
	var MODES = [
		["charts", "Charts"],
		["text", "Text"]
	];
	function EditCharts({ board, onChange }) {
		return a4($, { children: [
			a4(BoardHead, { board, onChange }),
			a4(
				Grid,
				{
					board,
					shared: sharedOf(board, new URLSearchParams()),
					onShared: (changes) => onChange({ ...board, ...changes }),
					onBoard: onChange
				}
			)
		] });
	}

	// src/pages/dashboards/list.tsx
	function BoardList() {
		let list = useFetched("boards", listBoards), [creating, setCreating] = d2(!1), create = may("admin") && a4(Button, { kind: "primary", onClick: () => setCreating(!0), children: "New dashboard" });
		return a4($, { children: [
			a4(PageHeading, { title: "Dashboards", children: list.value && list.value.length > 0 && create }),
			a4(Gate, { of: list, children: (boards) => boards.length === 0 ? a4(Empty, { title: "There is no dashboard yet.", children: [
				a4("p", { children: [
					"Look at a metric in ",
					a4(Link, { to: "/explore", children: "Explore" }),
					" and save the chart to a dashboard, or begin with an empty one."
				] }),
				create
			] }) : a4("section", { class: "card", "aria-label": "Dashboards", children: a4(Table, { caption: "Dashboards", columns: COLUMNS, rows: boards, rowKey: ({ name }) => name }) }) }),
			creating && a4(NewBoard, { onClose: () => setCreating(!1) })
		] });
	}
	var COLUMNS = [
		{
			key: "title",
			title: "Dashboard",
			render: ({ name, title }) => a4(Link, { to: `/d/${name}`, class: "break", children: title || name })
		},
		{ key: "name", title: "Name", render: ({ name }) => a4("code", { children: name }) },
		{ key: "charts", title: "Charts", number: !0, render: ({ charts }) => digits(charts) },
		{ key: "updated", title: "Changed", number: !0, render: ({ updated_at }) => a4(Ago, { at: updated_at }) }
	];
	function NewBoard({ onClose }) {
		let [title, setTitle] = d2(""), [typed, setName] = d2(), { busy, problem, run } = useAction(), name = typed ?? (title === "" ? "" : boardName(title));
		return a4(Dialog, { title: "New dashboard", onClose, children: a4("form", { class: "fields", onSubmit: (event) => {
			event.preventDefault(), run(async () => {
				await saveBoard(name, { title: title.trim(), charts: [] }, void 0), navigate(`/d/${name}`);
			});
		}, children: [
			a4(Field, { label: "Title", children: a4(
				"input",
				{
					autoFocus: !0,
					required: !0,
					value: title,
					placeholder: "Sales",
					onInput: (event) => setTitle(event.currentTarget.value)
				}
			) }),
			a4(NameField, { value: name, onInput: setName }),
			problem && a4(ProblemView, { problem }),
			a4("footer", { children: [
				a4(Button, { onClick: onClose, children: "Cancel" }),
				a4(Button, { kind: "primary", type: "submit", disabled: busy || !isBoardName(name), children: "Create dashboard" })
			] })
		] }) });
	}
	function NameField({ value: value2, onInput }) {
		let wrong = value2 !== "" && !isBoardName(value2);
		return a4(
			Field,
			{
				label: "Name",
				hint: `Its address: /ui/d/${value2 || "…"}`,
				error: wrong ? "It begins with a letter, and has a to z, 0 to 9, _ and -, up to 64." : void 0,
				children: a4("input", { value: value2, spellcheck: !1, onInput: (event) => onInput(event.currentTarget.value) })
			}
		);
	}

	// src/pages/dashboards.tsx
	function Dashboards() {
		let name = place.value.path.split("/")[2];
		return name === void 0 ? a4(BoardList, {}) : a4(BoardPage, { name: decodeURIComponent(name) }, name);
	}

	// src/pages/runs/run.ts
	function isUnderWay(run) {
		return run.state === "queued" || run.state === "running" || run.state === "publishing";
	}
	function runPath(id) {
		return `/v1/runs/${encodeURIComponent(id)}`;
	}
	async function startRun(mode, metrics2) {
		return (await request("/v1/runs", { method: "POST", body: { mode, metrics: metrics2 } })).value;
	}
	function tookMs(run, now2) {
		if (run.started_at === null)
			return;
		let end = run.ended_at === null ? now2 : Date.parse(run.ended_at);
		return Math.max(0, end - Date.parse(run.started_at));
	}
	function purpose(run) {
		let names = run.metrics?.join(", ");
		return run.backfill !== void 0 ? `backfill${names === void 0 ? "" : ` of ${names}`}` : names === void 0 ? run.mode : `${run.mode}, of ${names}`;
	}

	// src/pages/runs/live.tsx
	function useRun(id, first) {
		let [run, setRun] = d2(first), [problem, setProblem] = d2();
		return A2(() => {
			let stop = follow(runPath(id), {
				onValue: (value2) => {
					setRun(value2), setProblem(void 0), isUnderWay(value2) || stop();
				},
				onProblem: setProblem
			});
			return stop;
		}, [id]), { run: run?.id === id ? run : first, problem };
	}
	function LiveRun({ id, first, onEnd }) {
		let { run, problem } = useRun(id, first), cancel = useAction(), ended = run !== void 0 && !isUnderWay(run);
		if (A2(() => {
			run !== void 0 && ended && onEnd?.(run);
		}, [ended]), run === void 0)
			return problem ? a4(ProblemView, { problem }) : null;
		let took = tookMs(run, now.value);
		return a4("section", { class: "card stack live-run", "aria-label": `Run ${id}`, children: [
			a4("div", { class: "row", children: [
				a4(StateChip, { state: run.state }),
				a4("strong", { class: "break", children: purpose(run) }),
				a4("span", { class: "muted", children: run.id }),
				may("admin") && (run.state === "queued" || run.state === "running") && a4(
					Button,
					{
						class: "end",
						disabled: cancel.busy,
						onClick: () => {
							cancel.run(() => request(runPath(id), { method: "DELETE" }));
						},
						children: "Cancel"
					}
				)
			] }),
			!ended && a4(Progress, { label: `Progress of ${id}`, value: run.progress.approx() }),
			a4("p", { class: "row muted", children: [
				a4("span", { class: "break", children: run.step }),
				a4("span", { children: plural(run.events, "event") }),
				a4("span", { children: plural(run.days, "day") }),
				took !== void 0 && a4("span", { children: duration(took) })
			] }),
			run.error !== null && a4("p", { class: "bad-text break", children: run.error }),
			cancel.problem && a4(ProblemView, { problem: cancel.problem })
		] });
	}
	var TONES = {
		queued: "plain",
		running: "plain",
		publishing: "plain",
		succeeded: "good",
		failed: "bad",
		cancelled: "warn"
	};
	function StateChip({ state }) {
		return a4(Chip, { label: state, tone: TONES[state], children: state });
	}

	// src/pages/metrics/preview.tsx
	var GRANULARITIES2 = ["all", "hour", "day", "week", "month"];
	function PreviewOptionFields({ options, dimensions: dimensions2, onChange }) {
		return a4("div", { class: "row", children: [
			a4("label", { class: "row", children: [
				a4("span", { class: "muted", children: "by" }),
				a4(
					"select",
					{
						"aria-label": "Buckets of the preview",
						value: options.granularity ?? "all",
						onChange: (event) => onChange({ ...options, granularity: event.currentTarget.value }),
						children: GRANULARITIES2.map((name) => a4("option", { value: name, children: name === "all" ? "no time" : name }, name))
					}
				)
			] }),
			dimensions2.length > 0 && a4("label", { class: "row", children: [
				a4("span", { class: "muted", children: "and" }),
				a4(
					"select",
					{
						"aria-label": "Dimension of the preview",
						value: options.group_by ?? "",
						onChange: (event) => onChange({ ...options, group_by: event.currentTarget.value }),
						children: [
							a4("option", { value: "", children: "no dimension" }),
							dimensions2.map((name) => a4("option", { value: name, children: name }, name))
						]
					}
				)
			] })
		] });
	}
	function PreviewResult({ result }) {
		let { events, columns: columns2, rows } = result, matched = events.matched.text !== "0";
		return a4($, { children: [
			a4(
				Facts,
				{
					facts: [
						["Newest events read", digits(events.read)],
						["Of this metric", digits(events.matched)],
						["From", events.first_time && dateTime(events.first_time)],
						["To", events.last_time && dateTime(events.last_time)],
						["Groups", digits(result.groups)],
						["Type mismatches", mismatches(result.type_mismatches)]
					]
				}
			),
			a4(Warnings, { warnings: result.warnings ?? [] }),
			matched ? a4(
				Table,
				{
					caption: "Rows of the preview",
					columns: columns2.map(column),
					rows,
					rowKey: (_4, index) => String(index)
				}
			) : a4(Empty, { title: `None of the ${plural(events.read, "newest event")} is of this metric.`, children: a4("p", { children: "Look at `event` and `filter`. A metric may also be defined before its events arrive." }) })
		] });
	}
	function Warnings({ warnings }) {
		return warnings.length === 0 ? null : a4("ul", { class: "warnings", "aria-label": "Warnings", children: warnings.map((warning) => a4("li", { children: withCode(warning) }, warning)) });
	}
	function column({ name, type }) {
		return { key: name, title: name, number: type === "integer" || type === "decimal", render: (row) => shown(row, name, type) };
	}
	function shown(row, name, type) {
		let value2 = row[name];
		return type === "text" && value2 === null ? "∅" : type === "timestamp" && typeof value2 == "string" ? dateTime(value2) : cell(value2);
	}
	function mismatches(found) {
		if (found === void 0)
			return "";
		if (found instanceof Decimal)
			return digits(found);
		let uses = Object.entries(found);
		return uses.length === 0 ? "0" : uses.map(([use, count2]) => `${use}: ${digits(count2)}`).join(", ");
	}

	// src/pages/metrics/editor.tsx
	var FORMATS = [
		["toml", "TOML"],
		["json", "JSON"]
	];
	function DefinitionEditor({ name, first, actions, onCreated }) {
		let [format, setFormat] = d2("toml"), [text3, setText] = d2(() => written(first, format)), [options, setOptions] = d2({}), [result, setResult] = d2(), [saved, setSaved] = d2(), { busy, problem, mark, attempt, clear } = useMarkedAction(), edit = (value2) => {
			setText(value2), setSaved(void 0), setResult(void 0), clear();
		}, change2 = (to) => attempt(text3, format, async () => {
			setText(written(await readDefinition(text3, format), to)), setFormat(to);
		}), look = (chosen) => attempt(text3, format, async () => {
			setOptions(chosen);
			try {
				setResult(await preview(text3, format, chosen));
			} catch (error) {
				throw setResult(void 0), error;
			}
		}), keep = () => attempt(text3, format, async () => {
			let definition = await readDefinition(text3, format), target = name ?? definition.name ?? "";
			name === void 0 && await refuseTaken(target), setSaved(await save(target, format === "json" ? text3 : definitionJson(definition))), await loadMetrics(!0), onCreated?.(target);
		});
		return a4("div", { class: "stack", children: [
			a4("section", { class: "card stack editor", "aria-label": "Definition", children: [
				a4(Tabs, { label: "Format", tabs: FORMATS, current: format, onSelect: (to) => to !== format && change2(to) }),
				a4(SourceField, { label: "Definition", value: text3, mark, onInput: edit }),
				problem && a4(ProblemView, { problem }),
				a4("div", { class: "actions", children: [
					a4(Button, { disabled: busy, onClick: () => look(options), children: "Preview" }),
					a4(Button, { kind: "primary", disabled: busy, onClick: keep, children: name === void 0 ? "Create metric" : "Save" }),
					actions
				] })
			] }),
			saved && a4(SavedNote, { saved, onEnd: () => {
				loadMetrics(!0);
			} }),
			result && a4("section", { class: "card stack", "aria-label": "Preview", children: [
				a4("div", { class: "card-heading", children: [
					a4("h2", { children: "Preview" }),
					a4(
						PreviewOptionFields,
						{
							options,
							dimensions: dimensionNames(result.definition ?? first),
							onChange: look
						}
					)
				] }),
				a4(PreviewResult, { result })
			] })
		] });
	}
	async function refuseTaken(name) {
		if (await loadMetrics(!0), metrics.value?.some((metric) => metric.name === name)) {
			let detail = `There is a metric \`${name}\` already. Choose another name, or edit it on its own page.`;
			throw new Problem({ title: "The name is taken", detail, code: "name_taken", pointer: "/name" }, 422);
		}
	}
	function SavedNote({ saved: { metric, run }, onEnd }) {
		return a4("section", { class: "stack", role: "status", "aria-label": "Saved", children: [
			a4("div", { class: "verdict good", children: [
				a4("strong", { children: run === void 0 ? "Nothing to change" : "Saved" }),
				a4("span", { children: run === void 0 ? "The same definition stands already." : "A run computes it from all events. Until then the old version answers, if there is one." }),
				a4("span", { class: "row", children: [
					a4(Link, { to: `/metrics/${encodeURIComponent(metric.name)}`, children: [
						"Metric ",
						metric.name
					] }),
					a4(Link, { to: "/explore", params: new URLSearchParams({ metric: metric.name }), children: "Explore it" })
				] })
			] }),
			a4(Warnings, { warnings: metric.warnings ?? [] }),
			run !== void 0 && a4(LiveRun, { id: run, onEnd }, run)
		] });
	}

	// src/pages/metrics/suggest.ts
	var TAKEN = ["time", "compare"];
	function nameLike(text3, fallback = "value") {
		let plain = text3.normalize("NFKD").replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 64);
		return plain === "" ? fallback : plain;
	}
	function isOf(property, ...types) {
		let seen = Object.keys(property.types).filter((type) => type !== "null");
		return seen.length > 0 && seen.every((type) => types.includes(type));
	}
	function isId(property) {
		return /(^|[_."])(id|uuid|guid|key|token|email|url|hash)s?"?$|[a-z]Id$/i.test(property.path);
	}
	function isLabel(property) {
		return isOf(property, "text", "string", "boolean") && !isId(property) && property.examples.every((example) => String(example).length <= 40);
	}
	function suggest(event, properties2) {
		let used = new Set(TAKEN), free = (wanted) => {
			let name = wanted.slice(0, 64);
			for (let n3 = 2; used.has(name); n3 += 1)
				name = `${wanted.slice(0, 60)}_${n3}`;
			return used.add(name), name;
		}, dimensions2 = properties2.filter(isLabel).slice(0, 5).map(({ path }) => {
			let name = free(nameLike(path));
			return name === path ? path : { name, property: path };
		}), measures = { [free("events")]: { kind: "count" } };
		for (let { path } of properties2.filter((one) => isOf(one, "number") && !isId(one)).slice(0, 3))
			measures[free(`total_${nameLike(path)}`)] = { kind: "sum", of: path }, measures[free(`mean_${nameLike(path)}`)] = { kind: "avg", of: path };
		for (let { path } of properties2.filter(isId).slice(0, 2))
			measures[free(`distinct_${nameLike(path)}`)] = { kind: "distinct", of: path };
		return { name: nameLike(event, "events"), event, dimensions: dimensions2, measures };
	}
	var TEMPLATE = {
		name: "purchases",
		description: "What was bought",
		event: "purchase",
		dimensions: ["country"],
		measures: {
			orders: { kind: "count" },
			revenue: { kind: "sum", of: "amount" },
			customers: { kind: "distinct", of: "subject" }
		}
	};

	// src/pages/metrics/new.tsx
	var EVERY_MS = 5e3;
	function newMetricParams(event) {
		return new URLSearchParams(event === void 0 ? { new: "1" } : { new: "1", event });
	}
	function useEventTypes() {
		return useFetched("types", (signal) => get("/v1/properties?limit=1", signal), EVERY_MS);
	}
	function NewMetric() {
		let event = place.value.params.get("event") ?? void 0;
		return a4(NewFrom, { event }, event);
	}
	function NewFrom({ event }) {
		let [created, setCreated] = d2(), editor = { onCreated: setCreated, ...created !== void 0 && { name: created } };
		return a4($, { children: [
			a4(PageHeading, { title: created ?? "New metric", children: a4(Link, { to: "/metrics", class: "button plain", children: "All metrics" }) }),
			a4("div", { class: "stack", children: [
				created === void 0 && a4(EventChoice, { current: event }),
				event === void 0 ? a4(DefinitionEditor, { first: TEMPLATE, ...editor }) : a4(Suggested, { event, editor })
			] })
		] });
	}
	function EventChoice({ current }) {
		let types = useEventTypes(), found = types.value?.event_types ?? [];
		return found.length === 0 ? null : a4("nav", { class: "card", "aria-label": "Start from events that arrived", children: [
			a4("div", { class: "card-heading", children: [
				a4("h2", { children: "Start from events that arrived" }),
				a4("span", { class: "muted", children: [
					"the newest ",
					digits(types.value?.events.read ?? "0")
				] })
			] }),
			a4("div", { class: "actions", children: found.map(({ event, events }) => a4(
				Link,
				{
					to: "/metrics",
					params: newMetricParams(event),
					class: "facet",
					current: event === current,
					children: [
						event,
						" ",
						a4("span", { class: "muted", children: digits(events) })
					]
				},
				event
			)) })
		] });
	}
	function Suggested({ event, editor }) {
		let found = useFetched(
			`properties ${event}`,
			(signal) => get(withParams("/v1/properties", { event }), signal)
		);
		return a4(Gate, { of: found, children: ({ properties: properties2 }) => a4($, { children: [
			a4(DefinitionEditor, { first: suggest(event, properties2), ...editor }),
			a4(PropertyList, { properties: properties2 })
		] }) });
	}
	var COLUMNS2 = [
		{ key: "path", title: "Property", render: ({ path }) => a4("code", { class: "break", children: path }) },
		{ key: "types", title: "Types", render: ({ types }) => Object.keys(types).join(", ") },
		{
			key: "examples",
			title: "Examples",
			render: ({ examples }) => a4("span", { class: "break muted", children: examples.map(String).join(" · ") })
		}
	];
	function PropertyList({ properties: properties2 }) {
		return a4("section", { class: "card", "aria-label": "Properties", children: [
			a4("h2", { children: "Properties" }),
			properties2.length === 0 ? a4(Empty, { title: "These events have no properties." }) : a4(Table, { caption: "Properties", columns: COLUMNS2, rows: properties2, rowKey: ({ path }) => path })
		] });
	}

	// src/first-run.tsx
	function FirstRun() {
		return may("admin") ? a4("div", { class: "first-run stack", children: [
			a4("p", { class: "lead", children: "There is no metric yet. A metric says which events are counted, and what is measured." }),
			a4("ol", { class: "ways", children: [
				a4(SendEvent, {}),
				a4(Define, {}),
				a4("li", { class: "card", children: [
					a4("h2", { children: "Or look at a sample first" }),
					a4("p", { children: "27,004 departures from New York, with a metric and a dashboard, on a service of their own that leaves nothing behind." }),
					a4(CopyText, { text: "merganser demo --listen 127.0.0.1:8090", what: "the command of the sample" })
				] })
			] })
		] }) : a4("section", { class: "card first-run", "aria-label": "No metric yet", children: [
			a4("h2", { children: "There is no metric yet." }),
			a4("p", { children: "A key with the role admin can define one." })
		] });
	}
	function curlLine(origin, withKey) {
		let event = { event: "purchase", properties: { amount: 19.99, country: "DE" } };
		return [
			`curl ${origin}/v1/events \\`,
			...withKey ? ['  -H "Authorization: Bearer $MERGANSER_KEY" \\'] : [],
			"  -H 'Content-Type: application/json' \\",
			`  -d '${JSON.stringify(event)}'`
		].join(`
`);
	}
	function SendEvent() {
		let withKey = session.value?.authentication !== "none";
		return a4("li", { class: "card", children: [
			a4("h2", { children: "Send an event" }),
			a4("p", { children: [
				"Any JSON object under ",
				a4("code", { children: "properties" }),
				". ",
				withKey && "The key needs the role ingest."
			] }),
			a4(CopyText, { text: curlLine(location.origin, withKey), what: "the line that sends an event" })
		] });
	}
	function Define() {
		let { value: value2 } = useEventTypes(), types = value2?.event_types ?? [];
		return a4("li", { class: "card", children: [
			a4("h2", { children: "Define a metric" }),
			a4("div", { class: "stack tight", role: "status", children: types.length === 0 ? a4("p", { class: "muted", children: "No event has arrived yet. This page notices when one does." }) : a4($, { children: [
				a4("p", { children: "From the properties of events that arrived:" }),
				a4("div", { class: "actions", children: types.map(({ event, events }) => a4(Link, { to: "/metrics", params: newMetricParams(event), class: "button primary", children: [
					event,
					" ",
					a4(Chip, { label: `${events} events`, children: digits(events) })
				] }, event)) })
			] }) }),
			a4(Link, { to: "/metrics", params: newMetricParams(), class: "button plain", children: "From an example" })
		] });
	}

	// src/pages/dashboards/save.tsx
	function SaveToDashboard(props) {
		let [open2, setOpen] = d2(!1);
		return may("admin") ? a4($, { children: [
			a4(Button, { onClick: () => setOpen(!0), children: "Save to dashboard" }),
			open2 && a4(SaveDialog, { ...props, onClose: () => setOpen(!1) })
		] }) : null;
	}
	function SaveDialog({ onClose, ...props }) {
		let list = useFetched("boards", listBoards), [done, setDone] = d2();
		return a4(Dialog, { title: "Save to dashboard", onClose, children: done === void 0 ? a4(Gate, { of: list, children: (boards) => a4(SaveForm, { ...props, boards, onClose, onDone: setDone }) }) : a4($, { children: [
			a4("p", { role: "status", children: [
				"Saved to ",
				done.title || done.name,
				"."
			] }),
			a4("footer", { children: [
				a4(Button, { onClick: onClose, children: "Go on exploring" }),
				a4(Link, { to: `/d/${done.name}`, class: "button primary", children: "Open the dashboard" })
			] })
		] }) });
	}
	var NEW = "", RANGE = ["from", "to", "timezone", "compare"];
	function SaveForm({ params, answer, boards, onClose, onDone }) {
		let [target, setTarget] = d2(boards.find(isRecent)?.name ?? boards[0]?.name ?? NEW), [boardTitle, setBoardTitle] = d2(""), [typed, setTyped] = d2(), [title, setTitle] = d2(""), [keepRange, setKeepRange] = d2(!1), [at2, setAt] = d2(), { busy, problem, run } = useAction(), name = target === NEW ? typed ?? (boardTitle === "" ? "" : boardName(boardTitle)) : target, chart = chartOf2(params, answer, title, keepRange);
		return a4("form", { class: "fields", onSubmit: (event) => {
			event.preventDefault(), run(async () => {
				await (target === NEW ? saveBoard(name, newBoard(boardTitle.trim(), params, chart, keepRange), void 0) : addTo(name, chart, at2)), recent.name = name, onDone(boards.find((board) => board.name === name) ?? { name, title: boardTitle.trim() });
			});
		}, children: [
			a4(Field, { label: "Dashboard", children: a4(
				"select",
				{
					value: target,
					onChange: (event) => {
						setTarget(event.currentTarget.value), setAt(void 0);
					},
					children: [
						boards.map((board) => a4("option", { value: board.name, children: board.title || board.name }, board.name)),
						a4("option", { value: NEW, children: "New dashboard…" })
					]
				}
			) }),
			target === NEW ? a4($, { children: [
				a4(Field, { label: "Title of the dashboard", children: a4("input", { required: !0, value: boardTitle, onInput: (event) => setBoardTitle(event.currentTarget.value) }) }),
				a4(NameField, { value: name, onInput: setTyped })
			] }) : a4(PlaceField, { name: target, at: at2, onChange: setAt }),
			at2 === void 0 && a4(Field, { label: "Title of the chart", children: a4(
				"input",
				{
					value: title,
					placeholder: titleOf(chart),
					onInput: (event) => setTitle(event.currentTarget.value)
				}
			) }),
			a4("label", { class: "check", children: [
				a4(
					"input",
					{
						type: "checkbox",
						checked: keepRange,
						onChange: (event) => setKeepRange(event.currentTarget.checked)
					}
				),
				"Keep this range, zone and comparison for the chart"
			] }),
			problem && a4(ProblemView, { problem }),
			a4("footer", { children: [
				a4(Button, { onClick: onClose, children: "Cancel" }),
				a4(Button, { kind: "primary", type: "submit", disabled: busy || !isBoardName(name), children: "Save" })
			] })
		] });
	}
	function PlaceField({ name, at: at2, onChange }) {
		let { value: value2 } = useFetched(name, (signal) => loadBoard(name, signal));
		return a4(Field, { label: "Place", children: a4(
			"select",
			{
				value: at2 === void 0 ? "" : String(at2),
				onChange: ({ currentTarget: { value: chosen } }) => onChange(chosen === "" ? void 0 : Number(chosen)),
				children: [
					a4("option", { value: "", children: "A new chart at the end" }),
					value2?.board.charts.map((chart, index) => a4("option", { value: String(index), children: [
						"Instead of ",
						titleOf(chart)
					] }, index))
				]
			}
		) });
	}
	var isRecent = ({ name }) => name === recent.name;
	function chartOf2(params, answer, title, keepRange) {
		let { chart, groupBy, measures, granularity } = readState(params), query = queryDocument(params, keepRange ? [] : RANGE), count2 = answer === void 0 ? measures.length : measuresOf(answer, groupBy).length, height = fittingHeight(chart, granularity !== "all", count2, answer?.rows.length ?? 0);
		return { title: title.trim(), chart, width: chart === "number" ? 4 : 6, height, query };
	}
	function newBoard(title, params, chart, keepRange) {
		let shared = sharedOf({ charts: [] }, keepRange ? new URLSearchParams() : params), kept = Object.fromEntries(SHARED.map((name) => [name, name === "filter" ? "" : shared[name]]));
		return { title, description: "", ...kept, charts: [chart] };
	}
	async function addTo(name, chart, at2) {
		for (let attempt = 0; ; attempt += 1) {
			let { board, etag } = await loadBoard(name);
			try {
				await saveBoard(name, withChart(board, chart, at2), etag);
				return;
			} catch (error) {
				if (!isConflict(error) || attempt === ATTEMPTS)
					throw error;
			}
		}
	}
	var ATTEMPTS = 3;

	// src/explore/asking.ts
	var START2 = { answer: void 0, query: "", problem: void 0, loading: !1 };
	function useAnswer(query, mode) {
		let [state, setState] = d2(START2), [round2, setRound] = d2(0), shown2 = T2("");
		return F2(() => {
			if (query === "") {
				setState(START2);
				return;
			}
			if (mode === "paused" && shown2.current === query)
				return;
			let url = `/v1/query?${query}`, take = (answer) => {
				shown2.current = query, setState({ answer, query, problem: void 0, loading: !1 });
			}, fail = (problem) => {
				setState((before) => ({
					...before,
					answer: shown2.current === query ? before.answer : void 0,
					problem,
					loading: !1
				}));
			};
			if (setState((before) => ({ ...before, loading: !0 })), mode === "live")
				return follow(url, { onValue: take, onProblem: fail });
			let control = new AbortController();
			return get(url, control.signal).then(
				(answer) => !control.signal.aborted && take(answer),
				(error) => !isAbort(error) && !control.signal.aborted && fail(asProblem(error))
			), () => control.abort();
		}, [query, mode, round2]), { ...state, again: () => setRound((n3) => n3 + 1) };
	}

	// src/explore/live.tsx
	function Live({ state, paused, onPause, onChange }) {
		let running = state.live && !paused;
		return a4($, { children: [
			state.live && a4(Button, { kind: "quiet", onClick: () => onPause(!paused), children: paused ? "Resume" : "Pause" }),
			a4(
				Button,
				{
					"aria-pressed": state.live,
					class: running ? "live running" : "live",
					onClick: () => {
						onPause(!1), onChange({ live: state.live ? "" : "true" }, !0);
					},
					children: [
						a4("span", { class: "live-dot", "aria-hidden": "true" }),
						"Live"
					]
				}
			)
		] });
	}

	// src/explore/moves.ts
	function groundOf(metric, answer) {
		let rows = answer?.rows ?? [];
		return {
			base: metric?.definition.granularity ?? "minute",
			extent: span(metric?.first_bucket, metric?.last_bucket) ?? span(rows[0]?.time, rows.at(-1)?.time)
		};
	}
	function span(first, last) {
		let [start, end] = [Date.parse(String(first)), Date.parse(String(last))];
		return Number.isNaN(start) || Number.isNaN(end) ? void 0 : [start, end];
	}
	function choicesOf(state, { base, extent }, now2) {
		return {
			fits: fitting(base, state.timezone),
			length: lengthOf(state.from, state.to, now2, extent)
		};
	}
	var MONTH = 30 * 864e5, UNKNOWN2 = 12 * MONTH;
	function firstLook(metric, browserZone2, now2) {
		let { base, extent } = groundOf(metric), timezone = zoneFits(base, browserZone2) ? browserZone2 : "UTC", grows = extent !== void 0 && now2 - extent[1] < MONTH && now2 - extent[0] > MONTH, [from, to] = grows ? ["now-30d", "now"] : ["", ""], length = lengthOf(from, to, now2, extent) ?? UNKNOWN2;
		return withChanges(new URLSearchParams(), {
			metric: metric.name,
			measures: firstMeasure(metric),
			from,
			to,
			timezone,
			totals: "true",
			...granularityChanges(suggested(length, fitting(base, timezone)))
		});
	}
	function firstMeasure({ definition }) {
		let measures = Object.entries(definition.measures);
		return (measures.filter(([, { kind, filter }]) => kind === "count" && filter === void 0)[0] ?? measures[0])?.[0];
	}
	function toMetric(state, metric) {
		let { base } = groundOf(metric), timezone = zoneFits(base, state.timezone) ? state.timezone : "UTC", names = fitting(base, timezone), fits = state.granularity === "all" || names.includes(state.granularity);
		return {
			metric: metric.name,
			measures: firstMeasure(metric),
			timezone,
			...fits ? {} : { granularity: names[0] },
			filter: "",
			...havingChanges("", state.params),
			order_by: "",
			after: "",
			...groupChanges([], state.params)
		};
	}
	function toRange(state, ground, from, to, now2) {
		let { fits, length } = choicesOf(state, ground, now2), next = lengthOf(from, to, now2, ground.extent), granularity = nextGranularity(state.granularity, length, next, fits);
		return { from, to, granularity: granularity === "all" ? "" : granularity, after: "" };
	}
	function toChart(state, ground, chart, now2) {
		if (chart === "number")
			return { chart, ...granularityChanges("all"), granularity: "", totals: "true" };
		if (state.granularity !== "all" || chart === "bar" || chart === "table")
			return { chart };
		let { fits, length } = choicesOf(state, ground, now2);
		return { chart, ...granularityChanges(suggested(length ?? UNKNOWN2, fits), state.params.get("having") ?? "") };
	}
	function toGroup(state, group, exclude) {
		return { filter: writeFilter(picked(parseFilter(state.filter), group, exclude)) };
	}

	// src/explore/result.tsx
	var PARTIAL_HELPS = ["incomplete", "backfilling", "speed_unavailable", "views_moving", "not_ready"];
	function mayPass({ status }) {
		return status === 0 || status === 429 || status >= 500;
	}
	function Result({ state, metric, asked: asked2, onPick, onZoom, onChange }) {
		let { answer, problem } = asked2, groupBy = w2(() => groupsOf(asked2.query), [asked2.query]);
		return a4("section", { class: "card result", "aria-busy": asked2.loading, "aria-label": "Answer", children: [
			problem && a4(ProblemView, { problem, children: [
				mayPass(problem) && a4(Button, { onClick: asked2.again, children: "Try again" }),
				PARTIAL_HELPS.includes(problem.code) && a4(Button, { onClick: () => onChange({ partial: "allow" }), children: "Show what there is" })
			] }),
			answer === void 0 ? !problem && a4(Loading, {}) : a4($, { children: [
				a4(
					ChartView,
					{
						answer,
						question: asked2.query,
						groupBy,
						chart: state.chart,
						definition: metric?.definition,
						onPick,
						onOthers: () => onChange({ group_limit: GROUP_LIMIT, other: "true" }),
						onZoom: (from, to) => onZoom(shortEdge(from), shortEdge(to))
					}
				),
				a4(ProvenanceLine, { answer, query: asked2.query })
			] })
		] });
	}
	function shortEdge(time) {
		return time.replace(/T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, "");
	}

	// src/explore/share.tsx
	function Share({ params, answer }) {
		let [copied, setCopied] = d2(), copy = (what, text3) => () => {
			let done = () => {
				setCopied({ what }), setTimeout(() => setCopied(void 0), 2e3);
			}, refused = () => setCopied({ what, text: text3 });
			navigator.clipboard === void 0 ? refused() : navigator.clipboard.writeText(text3).then(done, refused);
		}, link = (changed) => location.origin + hrefOf("/explore", changed), file = (format) => ({
			href: `/v1/query?${queryOf(params, ["totals", "other"])}&format=${format}`,
			name: `${params.get("metric") ?? "answer"}.${format}`
		});
		return a4($, { children: [
			a4("span", { class: "visually-hidden", role: "status", children: copied?.text === void 0 && copied ? `${copied.what} copied` : "" }),
			a4(
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
						{ label: "Copy as curl", onSelect: copy("Command", curlLine2(params)) },
						{ label: "Download CSV", download: file("csv") },
						{ label: "Download Parquet", download: file("parquet") }
					]
				}
			),
			copied?.text !== void 0 && a4(Dialog, { title: copied.what, onClose: () => setCopied(void 0), children: a4("textarea", { class: "code", rows: 5, readOnly: !0, value: copied.text, "aria-label": copied.what }) })
		] });
	}
	function frozen(params, answer) {
		if (answer === void 0)
			return params;
		let now2 = (/* @__PURE__ */ new Date()).toISOString();
		return withChanges(params, {
			from: answer.from ?? void 0,
			to: answer.to ?? now2,
			after: position(answer.provenance.speed.through),
			live: void 0
		});
	}
	function curlLine2(params) {
		let key3 = session.value?.authentication === "none" ? "" : '-H "Authorization: Bearer $MERGANSER_KEY" ', url = `${location.origin}/v1/query?${queryOf(params)}`;
		return `curl -s ${key3}'${url.replaceAll("'", "%27")}'`;
	}

	// src/pages/explore.tsx
	function Explore() {
		let { params } = place.value, state = w2(() => readState(params), [params]), list = useFetched("metrics", () => loadMetrics()), known = metrics.value, name = state.metric || known?.[0]?.name || "", detail = useFetched(name, (signal) => loadMetric(name, signal)), metric = detail.value?.name === name ? detail.value : known?.find((one) => one.name === name);
		return A2(() => {
			state.metric === "" && detail.value?.name === name && name !== "" && navigate("/explore", firstLook(detail.value, recent.timezone || browserZone(), Date.now()), !0);
		}, [state.metric, detail.value, name]), list.problem && known === void 0 && state.metric === "" ? a4(ProblemView, { problem: list.problem, children: a4(Button, { onClick: list.reload, children: "Try again" }) }) : known?.length === 0 && state.metric === "" ? a4($, { children: [
			a4(PageHeading, { title: "Explore" }),
			a4(FirstRun, {})
		] }) : state.metric === "" ? a4(Loading, {}) : a4(Board, { state, metric });
	}
	function Board({ state, metric }) {
		let { params } = state, [paused, setPaused] = d2(!1), [opened, setOpened] = d2({ metric: 0, filter: 0, range: 0 }), [help, setHelp] = d2(!1), asked2 = useAnswer(queryOf(params), state.live ? paused ? "paused" : "live" : "once"), change2 = (changes, replace = !1) => navigate("/explore", withChanges(params, changes), replace), setMetric = (name) => {
			let next = metrics.value?.find((one) => one.name === name);
			next !== void 0 && change2(toMetric(state, next));
		}, ground = groundOf(metric, asked2.answer), setRange = (from, to) => change2(toRange(state, ground, from, to, Date.now())), open2 = (picker) => setOpened({ ...opened, [picker]: opened[picker] + 1 });
		return useKeys({
			"/": () => open2("metric"),
			f: () => open2("filter"),
			t: () => open2("range"),
			c: () => document.getElementById("compare")?.focus(),
			"?": () => setHelp(!0)
		}), a4("div", { class: "explore", children: [
			a4("div", { class: "page-heading", children: [
				a4("h1", { children: [
					a4("span", { class: "visually-hidden", children: "Explore " }),
					a4(
						MetricPicker,
						{
							metrics: metrics.value ?? [],
							current: state.metric,
							openRequest: opened.metric,
							onSelect: setMetric
						}
					)
				] }),
				a4("div", { class: "page-actions", children: [
					a4(Live, { state, paused, onPause: setPaused, onChange: change2 }),
					a4(SaveToDashboard, { params, answer: asked2.answer }),
					a4(Share, { params, answer: asked2.answer })
				] })
			] }),
			a4(Controls, { state, metric, ground, opened, change: change2, setRange }),
			a4(
				Result,
				{
					state,
					metric,
					asked: asked2,
					onPick: (group, exclude) => change2(toGroup(state, group, exclude)),
					onZoom: setRange,
					onChange: change2
				}
			),
			a4("button", { type: "button", class: "button quiet keys-hint", onClick: () => setHelp(!0), children: [
				"Keyboard ",
				a4("kbd", { children: "?" })
			] }),
			help && a4(KeyList, { onClose: () => setHelp(!1) })
		] });
	}
	function Controls({ state, metric, ground, opened, change: change2, setRange }) {
		let { params } = state, { fits, length } = choicesOf(state, ground, Date.now());
		return a4($, { children: [
			a4("div", { class: "controls", children: [
				a4(
					MeasurePicker,
					{
						metric,
						selected: state.measures,
						onSelect: (measures) => change2({ measures: measures.join(",") })
					}
				),
				a4(
					GroupPicker,
					{
						metric,
						selected: state.groupBy,
						onSelect: (groups) => change2(groupChanges(groups, params))
					}
				),
				a4("span", { class: "controls-gap" }),
				a4(RangePicker, { from: state.from, to: state.to, openRequest: opened.range, onSelect: setRange }),
				a4(
					GranularitySelect,
					{
						current: state.granularity,
						fitting: fits,
						length,
						onSelect: (granularity) => change2(granularityChanges(granularity, params.get("having") ?? ""))
					}
				),
				a4(ZonePicker, { current: state.timezone, onSelect: (timezone) => change2({ timezone }) }),
				a4(CompareSelect, { current: state.compare, onSelect: (compare) => change2({ compare }) })
			] }),
			a4("div", { class: "controls", children: [
				a4(
					Filters,
					{
						metric,
						filter: state.filter,
						openRequest: opened.filter,
						onChange: (filter) => change2({ filter })
					}
				),
				a4(OptionChips, { params, onChange: change2 }),
				a4("span", { class: "controls-gap" }),
				a4(
					More,
					{
						params,
						timed: state.granularity !== "all",
						grouped: state.groupBy.length > 0,
						onChange: change2
					}
				),
				a4(
					ChartKinds,
					{
						current: state.chart,
						onSelect: (chart) => change2(toChart(state, ground, chart, Date.now()))
					}
				)
			] })
		] });
	}

	// src/pages/health/figures.ts
	var LINE = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (\S+)/;
	function readFigures(text3) {
		let figures = /* @__PURE__ */ new Map();
		for (let line of text3.split(`
`)) {
			let parts2 = LINE.exec(line), value2 = Number(parts2?.[3] ?? Number.NaN);
			if (parts2 === null || Number.isNaN(value2))
				continue;
			let [, name = "", labels] = parts2;
			figures.set(name, (labels === void 0 ? 0 : figures.get(name) ?? 0) + value2), labels !== void 0 && figures.set(name + labels, value2);
		}
		return figures;
	}
	function hitShare(figures, cache) {
		let hits = figures.get(`merganser_cache_hits_total{cache="${cache}"}`) ?? 0, misses = figures.get(`merganser_cache_misses_total{cache="${cache}"}`) ?? 0;
		return hits + misses === 0 ? void 0 : hits / (hits + misses);
	}

	// src/pages/health/status.ts
	function positionText(position2) {
		return Object.entries(position2).map(([partition, offset]) => `${partition}:${offset}`).join(", ");
	}

	// src/pages/health.tsx
	var EVERY_MS2 = 2e3, FIGURES_EVERY_MS = 1e4;
	function Health() {
		let status = useFetched("status", (signal) => get("/v1/status", signal), EVERY_MS2), ready = useFetched("ready", unready, EVERY_MS2), figures = useFetched("figures", loadFigures, FIGURES_EVERY_MS);
		return a4($, { children: [
			a4(PageHeading, { title: "Health" }),
			a4("div", { class: "stack", children: [
				a4(Ready, { ready }),
				a4(Gate, { of: status, children: (value2) => a4($, { children: [
					a4(Tiles, { status: value2 }),
					a4(Lags, { metrics: value2.metrics }),
					a4(SpeedStore, { store: value2.speed_store, figures: figures.value }),
					a4(Storage, { status: value2, figures: figures.value }),
					a4(Service, { status: value2 })
				] }) })
			] })
		] });
	}
	async function unready(signal) {
		try {
			return await get("/readyz", signal), [];
		} catch (error) {
			if (error instanceof Problem && error.status === 503)
				return [error.message];
			throw error;
		}
	}
	async function loadFigures(signal) {
		let { value: value2 } = await request("/metrics", { headers: { Accept: "text/plain" }, signal });
		return readFigures(value2);
	}
	function Ready({ ready }) {
		let { value: value2, problem } = ready;
		return problem ? a4("section", { class: "verdict bad", role: "status", children: [
			a4("strong", { children: problem.status === 0 ? "Not reachable" : "Not known" }),
			a4("span", { children: problem.message })
		] }) : value2 === void 0 ? null : value2.length === 0 ? a4("section", { class: "verdict good", role: "status", children: [
			a4("strong", { children: "Ready" }),
			a4("span", { children: "It accepts events and answers queries." })
		] }) : a4("section", { class: "verdict bad", role: "status", children: [
			a4("strong", { children: "Not ready" }),
			value2.map((reason) => a4("span", { class: "break", children: reason }, reason))
		] });
	}
	function Tile({ name, note, children }) {
		return a4("div", { class: "card tile", children: [
			a4("dt", { children: name }),
			a4("dd", { class: "tile-value", children }),
			note !== void 0 && a4("dd", { class: "muted", children: note })
		] });
	}
	function Tiles({ status }) {
		let { backlog, events, query_memory: memory } = status;
		return a4("dl", { class: "tiles", children: [
			a4(Tile, { name: "Events a second", note: `${digits(events.accepted)} since the start`, children: digits(events.per_second) }),
			a4(Tile, { name: "Events without a run", note: a4(BacklogNote, { backlog }), children: digits(backlog.events) }),
			a4(Tile, { name: "Speed views behind", note: status.speed_store.kind, children: duration(status.speed_store.lag_ms) }),
			a4(
				Tile,
				{
					name: "Generation",
					note: status.published_at && a4($, { children: [
						"published ",
						a4(Ago, { at: status.published_at })
					] }),
					children: digits(status.generation)
				}
			),
			a4(Tile, { name: "Memory of answers", note: `of ${bytes(memory.limit_bytes)}`, children: bytes(memory.taken_bytes) })
		] });
	}
	function BacklogNote({ backlog }) {
		let share = Number(backlog.events.text) / Number(backlog.max_events.text);
		return share > 1 ? a4("span", { class: "bad-text", children: [
			"over ",
			digits(backlog.max_events),
			": intake ",
			share < 2 ? "slows down" : "waits for a run"
		] }) : a4($, { children: [
			"runs cover ",
			digits(backlog.covered_per_second),
			" a second"
		] });
	}
	var LAG_COLUMNS = [
		{
			key: "name",
			title: "Metric",
			render: ({ name }) => a4(Link, { to: `/metrics/${encodeURIComponent(name)}`, children: name })
		},
		{ key: "version", title: "Version", number: !0, render: ({ version }) => digits(version) },
		{ key: "lag", title: "Lag", number: !0, render: ({ lag_ms }) => duration(lag_ms) },
		{ key: "behind", title: "Events behind", number: !0, render: ({ behind }) => digits(behind) },
		{
			key: "boundary",
			title: "Batch view up to",
			number: !0,
			render: ({ boundary }) => boundary?.offset === void 0 ? "–" : digits(boundary.offset)
		}
	];
	function Lags({ metrics: metrics2 }) {
		return a4("section", { class: "card", "aria-label": "Lag of each metric", children: [
			a4("h2", { children: "Metrics" }),
			metrics2.length === 0 ? a4(Empty, { title: "There is no metric yet." }) : a4(Table, { caption: "Lag of each metric", columns: LAG_COLUMNS, rows: metrics2, rowKey: ({ name }) => name })
		] });
	}
	function SpeedStore({ store, figures }) {
		let groups = figures?.get("merganser_speed_groups"), rebuilds = figures?.get("merganser_speed_rebuilds_total"), failing = store.state === "failing";
		return a4("section", { class: "card", "aria-label": "Speed store", children: [
			a4("div", { class: "card-heading", children: [
				a4("h2", { children: "Speed store" }),
				a4(Chip, { label: store.state, tone: failing ? "bad" : "good", children: store.state })
			] }),
			a4(
				Facts,
				{
					facts: [
						["Kind", store.kind],
						["Failing since", store.failing_since && a4(Ago, { at: store.failing_since })],
						["Why", store.reason && a4("span", { class: "bad-text", children: store.reason })],
						["Groups held", groups !== void 0 && digits(groups)],
						["Errors", count(figures, "merganser_speed_store_errors_total")],
						["Computed from the journal again", rebuilds !== void 0 && plural(rebuilds, "time")]
					]
				}
			)
		] });
	}
	function Storage({ status, figures }) {
		let free = figures?.get("merganser_disk_free_bytes"), share = (cache) => {
			let hits = figures && hitShare(figures, cache);
			return hits === void 0 ? void 0 : `${Math.round(hits * 100)} %`;
		};
		return a4("section", { class: "card", "aria-label": "Disk and caches", children: [
			a4("div", { class: "card-heading", children: a4("h2", { children: "Disk and caches" }) }),
			a4(
				Facts,
				{
					facts: [
						["Data directory", bytes(status.disk.used_bytes)],
						["Journal", bytes(status.journal.size_bytes)],
						["Free", free === void 0 ? void 0 : bytes(free)],
						["In quarantine", count(figures, "merganser_quarantine_entries")],
						["Caches", bytes(status.cache_bytes)],
						["Answers from the cache", share("answers")],
						["Parts of views from the cache", share("parts")]
					]
				}
			)
		] });
	}
	function Service({ status }) {
		let { journal, next_runs: next } = status;
		return a4("section", { class: "card", "aria-label": "Service", children: [
			a4("div", { class: "card-heading", children: a4("h2", { children: "Service" }) }),
			a4(
				Facts,
				{
					facts: [
						["Version", status.version],
						["Started", a4(Ago, { at: status.started_at })],
						["Journal position", positionText(journal.position)],
						["Journal begins at", positionText(journal.start)],
						["Journal", a4("code", { children: journal.id })],
						["Next incremental run", next.incremental === null ? "never" : a4(Ago, { at: next.incremental })],
						["Next full run", next.full === null ? "never" : a4(Ago, { at: next.full })]
					]
				}
			)
		] });
	}
	function count(figures, name) {
		let value2 = figures?.get(name);
		return value2 === void 0 ? void 0 : digits(value2);
	}

	// src/pages/keys/key.ts
	var EMPTY_FORM = {
		role: "read",
		note: "",
		expires: "",
		metrics: [],
		filter: "",
		set: "",
		rate: ""
	};
	function keyRequest(form) {
		let reader = form.role === "read";
		return {
			role: form.role,
			note: form.note.trim() || void 0,
			expires: form.expires.trim() || void 0,
			metrics: reader && form.metrics.length > 0 ? form.metrics : void 0,
			filter: reader && form.filter.trim() || void 0,
			set: form.role === "ingest" ? properties(form.set) : void 0,
			requests_per_s: form.rate === "" ? void 0 : Number(form.rate)
		};
	}
	function properties(text3) {
		let entries = text3.split(`
`).map((line) => line.trim()).filter((line) => line !== "").map((line) => {
			let at2 = line.indexOf("=");
			return at2 < 0 ? [line, ""] : [line.slice(0, at2).trim(), line.slice(at2 + 1).trim()];
		});
		return entries.length === 0 ? void 0 : Object.fromEntries(entries);
	}
	function scopeLines(key3) {
		return [
			...key3.metrics ? [`metrics: ${key3.metrics.join(", ")}`] : [],
			...key3.filter ? [`filter: ${key3.filter}`] : [],
			...Object.entries(key3.set ?? {}).map(([name, value2]) => `sets ${name} = ${value2}`),
			...key3.requests_per_s ? [`${key3.requests_per_s} requests/s`] : []
		];
	}

	// src/pages/keys/create.tsx
	function CreateKey({ first, onClose, onMade }) {
		let [form, setForm] = d2(first ? { ...EMPTY_FORM, role: "admin" } : EMPTY_FORM), [made, setMade] = d2(), action = useAction(), submit = (event) => {
			event.preventDefault(), action.run(async () => {
				setMade((await request("/v1/keys", { method: "POST", body: keyRequest(form) })).value);
			});
		};
		return made !== void 0 ? a4(MadeKey, { made, first, onClose: onMade }) : a4(Dialog, { title: first ? "Create the first key" : "Create a key", onClose, children: a4("form", { class: "fields", onSubmit: submit, children: [
			first && a4("p", { children: [
				"From then on every request needs a key: also those of senders, commands and this page. The first key has the role ",
				a4("code", { children: "admin" }),
				"."
			] }),
			a4(Fields, { form, first, action, onChange: setForm }),
			action.problem && !PLACES.includes(action.problem.pointer ?? "") && a4(ProblemView, { problem: action.problem }),
			a4("footer", { children: [
				a4(Button, { onClick: onClose, children: "Cancel" }),
				a4(Button, { kind: "primary", type: "submit", disabled: action.busy, children: "Create key" })
			] })
		] }) });
	}
	var PLACES = ["/note", "/expires", "/filter", "/set", "/requests_per_s"], ROLES = [
		["read", "read: asks queries"],
		["ingest", "ingest: sends events"],
		["admin", "admin: everything"]
	];
	function Fields({ form, first, action, onChange }) {
		let errorAt = (pointer) => action.problem?.pointer === pointer ? action.problem.message : void 0, text3 = (name, placeholder) => ({
			value: form[name],
			placeholder,
			spellcheck: !1,
			onInput: (event) => onChange({ ...form, [name]: event.currentTarget.value })
		});
		return a4($, { children: [
			a4(Field, { label: "Role", children: a4(
				"select",
				{
					value: form.role,
					disabled: first,
					onChange: (event) => onChange({ ...form, role: event.currentTarget.value }),
					children: ROLES.map(([role, label]) => a4("option", { value: role, children: label }, role))
				}
			) }),
			a4(Field, { label: "Note", hint: "Who has it, and what for.", error: errorAt("/note"), children: a4("input", { ...text3("note", "Acme's dashboard") }) }),
			a4(Field, { label: "Ends after", hint: "90d, 12h, 30m or an RFC 3339 time. Empty: never.", error: errorAt("/expires"), children: a4("input", { ...text3("expires", "90d") }) }),
			form.role === "read" && a4($, { children: [
				a4(MetricChoice, { chosen: form.metrics, onChange: (metrics2) => onChange({ ...form, metrics: metrics2 }) }),
				a4(
					Field,
					{
						label: "Only where",
						hint: "A condition over dimensions that holds for all that the key sees. Empty: everything.",
						error: errorAt("/filter"),
						children: a4("input", { ...text3("filter", "tenant = 'acme'") })
					}
				)
			] }),
			form.role === "ingest" && a4(
				Field,
				{
					label: "Fixed properties",
					hint: "Written into every event that the key sends. One a line, as tenant=acme.",
					error: errorAt("/set"),
					children: a4(
						"textarea",
						{
							class: "code",
							rows: 2,
							value: form.set,
							spellcheck: !1,
							onInput: (event) => onChange({ ...form, set: event.currentTarget.value })
						}
					)
				}
			),
			a4(Field, { label: "Requests a second", hint: "Empty: any number.", error: errorAt("/requests_per_s"), children: a4("input", { type: "number", min: 1, step: 1, ...text3("rate", "100") }) })
		] });
	}
	function MetricChoice({ chosen, onChange }) {
		let names = useFetched(
			"metrics",
			(signal) => get("/v1/metrics", signal)
		).value?.metrics.map(({ name }) => name) ?? [];
		if (names.length === 0)
			return null;
		let toggle = (name) => onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
		return a4("fieldset", { children: [
			a4("legend", { children: "Only these metrics" }),
			a4("div", { class: "choices", children: names.map((name) => a4("label", { class: "check", children: [
				a4("input", { type: "checkbox", checked: chosen.includes(name), onChange: () => toggle(name) }),
				name
			] }, name)) }),
			a4("span", { class: "field-hint", children: "None chosen: all metrics." })
		] });
	}
	function MadeKey({ made, first, onClose }) {
		let action = useAction(), text3 = made.key ?? "";
		return a4(
			Dialog,
			{
				title: `Key ${made.id}`,
				onClose,
				actions: first ? a4(
					Button,
					{
						kind: "primary",
						disabled: action.busy,
						onClick: () => {
							action.run(() => logIn(text3)).then((done) => done && onClose());
						},
						children: "I have kept it: log in with it"
					}
				) : a4(Button, { kind: "primary", onClick: onClose, children: "I have kept it" }),
				children: [
					a4("p", { children: "This is the text of the key. It is shown only now: the service keeps its digest and cannot show it again." }),
					a4(CopyText, { text: text3, what: "the key" }),
					action.problem && a4(ProblemView, { problem: action.problem })
				]
			}
		);
	}

	// src/pages/keys.tsx
	function Keys() {
		let list = useFetched("keys", (signal) => get("/v1/keys", signal)), [creating, setCreating] = d2(!1), [revoking, setRevoking] = d2(), none = list.value?.keys.length === 0, revoke = async (key3) => {
			await request(`/v1/keys/${encodeURIComponent(key3.id)}`, { method: "DELETE" }), list.reload();
		};
		return a4($, { children: [
			a4(PageHeading, { title: "Keys", children: list.value && !none && a4(Button, { kind: "primary", onClick: () => setCreating(!0), children: "Create a key" }) }),
			a4(Gate, { of: list, children: ({ keys }) => keys.length === 0 ? a4(Empty, { title: "There are no keys: everybody who can connect may do everything.", children: [
				a4("p", { children: "The first key has the role admin. From then on every request needs one." }),
				a4(Button, { kind: "primary", onClick: () => setCreating(!0), children: "Create the first key" })
			] }) : a4("section", { class: "card", "aria-label": "Keys", children: a4(
				Table,
				{
					caption: "Keys, oldest first",
					columns: columns(setRevoking),
					rows: keys,
					rowKey: ({ id }) => id
				}
			) }) }),
			creating && a4(
				CreateKey,
				{
					first: none,
					onClose: () => setCreating(!1),
					onMade: () => {
						setCreating(!1), list.reload();
					}
				}
			),
			revoking && a4(
				Confirm,
				{
					title: `Revoke ${revoking.id}?`,
					action: "Revoke",
					onConfirm: () => revoke(revoking),
					onClose: () => setRevoking(void 0),
					children: a4("p", { children: [
						revoking.note ? a4("q", { class: "break", children: revoking.note }) : "The key",
						" opens nothing from then on. Its open streams end."
					] })
				}
			)
		] });
	}
	function columns(onRevoke) {
		return [
			{ key: "id", title: "Key", render: ({ id }) => a4("code", { class: "nowrap", children: id }) },
			{ key: "role", title: "Role", render: ({ role }) => a4(Chip, { label: role, children: role }) },
			{ key: "note", title: "Note", render: Note },
			{ key: "scope", title: "Scope", render: Scope },
			{ key: "created", title: "Created", render: ({ created_at }) => a4(Ago, { at: created_at }) },
			{ key: "expires", title: "Ends", render: Ends },
			{
				key: "revoke",
				title: a4("span", { class: "visually-hidden", children: "Revoke" }),
				number: !0,
				render: (key3) => a4(Button, { "aria-label": `Revoke ${key3.id}`, onClick: () => onRevoke(key3), children: "Revoke" })
			}
		];
	}
	function Note({ note }) {
		return a4("span", { class: "break key-note", title: note ?? void 0, children: note ?? "–" });
	}
	function Scope(key3) {
		let lines = scopeLines(key3);
		return lines.length === 0 ? "–" : lines.map((line) => a4("div", { class: "break", children: line }, line));
	}
	function Ends({ expires_at }) {
		return expires_at ? a4("span", { class: "nowrap", children: a4(Ago, { at: expires_at }) }) : "never";
	}

	// src/pages/metrics/metric.ts
	function metricUrl(name) {
		return `/v1/metrics/${encodeURIComponent(name)}`;
	}

	// src/pages/metrics/one.tsx
	var EVERY_MS3 = 3e3;
	function OneMetric({ name }) {
		let found = useFetched(name, (signal) => get(metricUrl(name), signal), EVERY_MS3), editing = place.value.params.has("edit") && may("admin"), [deleting, setDeleting] = d2(!1), run = useAction(), here = `/metrics/${encodeURIComponent(name)}`, remove = async () => {
			await request(metricUrl(name), { method: "DELETE" }), await loadMetrics(!0), navigate("/metrics");
		}, compute = () => {
			run.run(async () => navigate(`/runs/${(await startRun("full", [name])).id}`));
		};
		return a4($, { children: [
			a4(PageHeading, { title: name, children: [
				a4(Link, { to: "/explore", params: new URLSearchParams({ metric: name }), class: "button primary", children: "Explore" }),
				may("admin") && !editing && a4($, { children: [
					a4(Link, { to: here, params: new URLSearchParams({ edit: "1" }), class: "button plain", children: "Edit" }),
					a4(Button, { disabled: run.busy, onClick: compute, children: "Compute anew" }),
					a4(Button, { kind: "danger", onClick: () => setDeleting(!0), children: "Delete" })
				] })
			] }),
			run.problem && a4(ProblemView, { problem: run.problem }),
			a4(Gate, { of: found, children: (metric) => editing ? a4(
				DefinitionEditor,
				{
					name,
					first: { name, ...metric.next?.definition ?? metric.definition },
					actions: a4(Link, { to: here, class: "button quiet", children: "Done" })
				}
			) : a4(Details2, { metric }) }),
			deleting && a4(
				Confirm,
				{
					title: `Delete ${name}?`,
					action: `Delete ${name}`,
					onConfirm: remove,
					onClose: () => setDeleting(!1),
					children: a4("p", { children: "The metric no longer answers, and its views go. Events stay: the same definition, created again, is computed from all of them." })
				}
			)
		] });
	}
	function Details2({ metric }) {
		let { definition, next } = metric, mismatches2 = metric.type_mismatches;
		return a4("div", { class: "stack", children: [
			metric.description && a4("p", { class: "lead break", children: metric.description }),
			a4(Backfill, { metric }),
			a4("section", { class: "card", "aria-label": "State", children: a4(
				Facts,
				{
					facts: [
						["State", a4(StateChip2, { state: metric.state })],
						["Version", next ? `${metric.version}, next ${next.version}` : String(metric.version)],
						["First bucket", metric.first_bucket && dateTime(metric.first_bucket)],
						["Last bucket", metric.last_bucket && dateTime(metric.last_bucket)],
						["Groups in the batch view", metric.groups?.batch && digits(metric.groups.batch)],
						["Groups in the speed view", metric.groups?.speed && digits(metric.groups.speed)],
						["Batch view up to", metric.boundary?.offset && digits(metric.boundary.offset)],
						[
							"Type mismatches",
							mismatches2 && a4("span", { class: mismatches2.text === "0" ? void 0 : "bad-text", children: digits(mismatches2) })
						],
						["Events", eventText(definition.event)],
						["Only where", definition.filter && a4("code", { children: definition.filter })],
						["Base bucket", definition.granularity ?? "minute"]
					]
				}
			) }),
			a4(Warnings, { warnings: metric.warnings ?? [] }),
			metric.omissions && metric.omissions.length > 0 && a4("section", { class: "card", "aria-label": "Values that were not used", children: [
				a4("h2", { children: "Values that were not used" }),
				a4(
					Table,
					{
						caption: "Values that were not used",
						columns: OMISSION_COLUMNS,
						rows: metric.omissions,
						rowKey: (_4, index) => String(index)
					}
				)
			] }),
			a4(Measures, { definition }),
			a4(Dimensions, { metric: metric.name, definition }),
			a4(Source, { definition: { ...definition, name: metric.name } })
		] });
	}
	function StateChip2({ state }) {
		return a4(Chip, { label: state, tone: state === "active" ? "good" : "warn", children: state });
	}
	function Backfill({ metric }) {
		let progress = metric.next?.progress ?? metric.progress;
		return progress === void 0 ? null : a4("section", { class: "card stack live-run", "aria-label": "Backfill", children: [
			a4("p", { children: metric.next ? `Version ${metric.next.version} is computed from all events. Version ${metric.version} answers meanwhile.` : "It is computed from all events, and answers when that is done." }),
			a4(Progress, { label: "Progress of the backfill", value: progress.approx() }),
			a4("p", { class: "muted", children: [
				Math.floor(progress.approx() * 100),
				" % · ",
				a4(Link, { to: "/runs", children: "Runs" })
			] })
		] });
	}
	function eventText(event) {
		return typeof event == "string" ? event === "*" ? "all" : event : event.join(", ");
	}
	var OMISSION_COLUMNS = [
		{ key: "use", title: "Use", render: ({ use }) => a4("code", { class: "break", children: use }) },
		{ key: "kind", title: "Why", render: ({ kind }) => REASONS[kind] ?? kind },
		{ key: "property", title: "Property", render: ({ property }) => a4("code", { children: property ?? "–" }) },
		{ key: "example", title: "Example", render: ({ example }) => a4("code", { class: "break", children: example?.json ?? "–" }) },
		{ key: "count", title: "Values", number: !0, render: ({ count: count2 }) => cell(count2) }
	], REASONS = {
		mismatched: "another type",
		no_result: "no result",
		rounded: "rounded",
		absent: "no event has it"
	}, MEASURE_COLUMNS = [
		{ key: "name", title: "Measure", render: ({ name }) => name },
		{ key: "kind", title: "Kind", render: ({ kind, q: q2 }) => q2 === void 0 ? kind : `${kind} ${q2}` },
		{
			key: "of",
			title: "Of",
			render: ({ of, expr }) => a4("code", { class: "break", children: of ?? expr ?? "–" })
		},
		{ key: "filter", title: "Only where", render: ({ filter }) => a4("code", { class: "break", children: filter ?? "–" }) }
	];
	function Measures({ definition }) {
		let rows = Object.entries(definition.measures).map(([name, measure2]) => ({ name, ...measure2 }));
		return a4("section", { class: "card", "aria-label": "Measures", children: [
			a4("h2", { children: "Measures" }),
			a4(Table, { caption: "Measures", columns: MEASURE_COLUMNS, rows, rowKey: ({ name }) => name })
		] });
	}
	var VALUES2 = 20;
	function Dimensions({ metric, definition }) {
		let names = dimensionNames(definition), [current, setCurrent] = d2(names[0] ?? "");
		if (names.length === 0)
			return null;
		let dimension = definition.dimensions?.find((one) => typeof one != "string" && one.name === current), origin = typeof dimension == "object" ? dimension.expr ?? dimension.property : void 0;
		return a4("section", { class: "card stack", "aria-label": "Dimensions", children: [
			a4("h2", { children: "Dimensions" }),
			a4(
				Tabs,
				{
					label: "Dimension",
					tabs: names.map((name) => [name, name]),
					current,
					onSelect: setCurrent
				}
			),
			origin !== void 0 && a4("p", { class: "muted", children: [
				"from ",
				a4("code", { class: "break", children: origin })
			] }),
			a4(DimensionValues, { metric, dimension: current }, current)
		] });
	}
	function DimensionValues({ metric, dimension }) {
		let [prefix, setPrefix] = d2(""), path = `${metricUrl(metric)}/dimensions/${encodeURIComponent(dimension)}`, url = withParams(path, { prefix, limit: VALUES2, partial: "allow" }), found = useFetched(url, (signal) => get(url, signal));
		return a4($, { children: [
			a4(Field, { label: `Values of ${dimension} that begin with`, children: a4(
				"input",
				{
					class: "prefix",
					value: prefix,
					spellcheck: !1,
					onInput: (event) => setPrefix(event.currentTarget.value)
				}
			) }),
			a4(Gate, { of: found, children: ({ values, total_values, counted_by }) => values.length === 0 ? a4("p", { class: "muted", children: "No value." }) : a4($, { children: [
				a4(
					Table,
					{
						caption: `Values of ${dimension}`,
						columns: [
							{ key: "value", title: "Value", render: ({ value: value2 }) => a4("span", { class: "break", children: value2 ?? "∅" }) },
							{ key: "count", title: counted_by ?? "Count", number: !0, render: ({ count: count2 }) => cell(count2) }
						],
						rows: values,
						rowKey: ({ value: value2 }) => String(value2 === null ? 0 : `v${value2}`)
					}
				),
				a4("p", { class: "table-count muted", children: [
					digits(values.length),
					" of ",
					plural(total_values, "value"),
					", the most frequent first"
				] })
			] }) })
		] });
	}
	function Source({ definition }) {
		let [format, setFormat] = d2("toml");
		return a4("section", { class: "card stack", "aria-label": "Definition", children: [
			a4("h2", { children: "Definition" }),
			a4(
				Tabs,
				{
					label: "Format of the definition",
					tabs: [
						["toml", "TOML"],
						["json", "JSON"]
					],
					current: format,
					onSelect: setFormat
				}
			),
			a4(CopyText, { text: written(definition, format), what: "the definition" })
		] });
	}

	// src/pages/metrics.tsx
	var EVERY_MS4 = 5e3;
	function Metrics() {
		let { path, params } = place.value, name = path.split("/")[2];
		return name !== void 0 ? a4(OneMetric, { name: decodeURIComponent(name) }, name) : params.has("new") && may("admin") ? a4(NewMetric, {}) : a4(MetricList, {});
	}
	function MetricList() {
		let list = useFetched("metrics", loadList, EVERY_MS4), none = list.value?.length === 0;
		return a4($, { children: [
			a4(PageHeading, { title: "Metrics", children: may("admin") && list.value && !none && a4(Link, { to: "/metrics", params: newMetricParams(), class: "button primary", children: "New metric" }) }),
			a4(Gate, { of: list, children: (metrics2) => metrics2.length === 0 ? a4(FirstRun, {}) : a4("section", { class: "card", "aria-label": "Metrics", children: a4(Table, { caption: "Metrics", columns: COLUMNS3, rows: metrics2, rowKey: ({ name }) => name }) }) })
		] });
	}
	async function loadList(signal) {
		return (await get("/v1/metrics", signal)).metrics;
	}
	var COLUMNS3 = [
		{
			key: "name",
			title: "Metric",
			render: ({ name, description }) => a4($, { children: [
				a4(Link, { to: `/metrics/${encodeURIComponent(name)}`, children: name }),
				description && a4("div", { class: "muted break", children: description })
			] })
		},
		{ key: "state", title: "State", render: State },
		{ key: "version", title: "Version", number: !0, render: ({ version }) => digits(version) },
		{
			key: "groups",
			title: "Groups",
			number: !0,
			render: ({ groups }) => cell(groups?.batch)
		},
		{
			key: "mismatches",
			title: "Mismatches",
			number: !0,
			render: ({ type_mismatches }) => a4("span", { class: (type_mismatches?.text ?? "0") === "0" ? void 0 : "bad-text", children: cell(type_mismatches) })
		},
		{
			key: "explore",
			title: a4("span", { class: "visually-hidden", children: "Explore" }),
			number: !0,
			render: ({ name }) => a4(Link, { to: "/explore", params: new URLSearchParams({ metric: name }), children: [
				"Explore",
				a4("span", { class: "visually-hidden", children: [
					" ",
					name
				] })
			] })
		}
	];
	function State(metric) {
		let progress = metric.next?.progress ?? metric.progress;
		return a4($, { children: [
			a4(StateChip2, { state: metric.state }),
			progress && a4(Progress, { label: `Backfill of ${metric.name}`, value: progress.approx() })
		] });
	}

	// src/pages/quarantine.tsx
	var PAGE = 50, DELETE_PAGE = 1e3, DELETES_AT_ONCE = 6;
	function load(code, after, limit, signal) {
		return get(withParams("/v1/quarantine", { code, after: after ?? void 0, limit }), signal);
	}
	function drop(id) {
		return request(`/v1/quarantine/${encodeURIComponent(id)}`, { method: "DELETE" });
	}
	async function dropAll(code, onProgress) {
		let gone = 0, after = null;
		do {
			let page = await load(code, after, DELETE_PAGE), ids = page.entries.map(({ id }) => id);
			after = page.next;
			let worker = async () => {
				for (let id = ids.pop(); id !== void 0; id = ids.pop())
					await drop(id), gone += 1, onProgress(gone);
			};
			await Promise.all(Array.from({ length: DELETES_AT_ONCE }, worker));
		} while (after !== null);
	}
	function Quarantine() {
		let code = place.value.params.get("code") ?? void 0, first = useFetched(`quarantine ${code ?? ""}`, (signal) => load(code, null, PAGE, signal)), [followed, setFollowed] = d2({ of: void 0, more: [] }), [gone, setGone] = d2(/* @__PURE__ */ new Set()), [asking, setAsking] = d2(!1), next = useAction();
		A2(() => setGone(/* @__PURE__ */ new Set()), [first.value]);
		let more = followed.of === first.value ? followed.more : [], last = more.at(-1) ?? first.value, loadMore = () => {
			next.run(async () => {
				let page = await load(code, last?.next ?? null, PAGE);
				setFollowed({ of: first.value, more: [...more, page] });
			});
		};
		return a4($, { children: [
			a4(PageHeading, { title: "Quarantine", children: a4(Button, { onClick: first.reload, children: "Refresh" }) }),
			a4(Gate, { of: first, children: (page) => {
				let entries = [page, ...more].flatMap((one) => one.entries).filter(({ id }) => !gone.has(id));
				return page.total.text === "0" ? a4(Nothing, { page }) : a4("div", { class: "stack", children: [
					a4(Reasons, { page, code, onDelete: () => setAsking(!0) }),
					entries.length === 0 && a4(Empty, { title: "No event is here for this reason, any more." }),
					a4("ul", { class: "entries", "aria-label": "Events in quarantine", children: entries.map((entry) => a4(
						EntryCard,
						{
							entry,
							onGone: () => setGone(/* @__PURE__ */ new Set([...gone, entry.id]))
						},
						entry.id
					)) }),
					next.problem && a4(ProblemView, { problem: next.problem }),
					last?.next && a4("div", { children: a4(Button, { disabled: next.busy || first.loading, onClick: loadMore, children: "Show more" }) })
				] });
			} }),
			asking && first.value && a4(
				DeleteAll,
				{
					code,
					count: code === void 0 ? first.value.total : first.value.codes[code]?.entries,
					onClose: () => setAsking(!1),
					onDone: first.reload
				}
			)
		] });
	}
	function Nothing({ page }) {
		return a4(Empty, { title: "Nothing is in quarantine.", children: [
			a4("p", { children: "Events that are invalid, or that have the id of another event, are kept here with the reason." }),
			page.dropped.text !== "0" && a4("p", { children: [
				plural(page.dropped, "entry", "entries"),
				" went, as it was full."
			] })
		] });
	}
	function Reasons({ page, code, onDelete }) {
		let reasons = Object.entries(page.codes).sort(
			([, a5], [, b4]) => b4.entries.approx() - a5.entries.approx()
		), show = (chosen) => navigate("/quarantine", new URLSearchParams(chosen === void 0 ? {} : { code: chosen }));
		return a4("div", { class: "card-heading reasons", children: [
			a4("div", { class: "actions", role: "group", "aria-label": "Reasons", children: [
				a4(Facet, { name: "All", count: page.total, current: code === void 0, onSelect: () => show(void 0) }),
				reasons.map(([name, { entries }]) => a4(
					Facet,
					{
						name,
						count: entries,
						current: code === name,
						onSelect: () => show(name)
					},
					name
				))
			] }),
			(code === void 0 || page.codes[code] !== void 0) && a4(Button, { kind: "danger", onClick: onDelete, children: code === void 0 ? "Delete all…" : `Delete all of ${code}…` }),
			page.dropped.text !== "0" && a4("p", { class: "muted", children: [
				plural(page.dropped, "older entry", "older entries"),
				" went, as the quarantine was full."
			] })
		] });
	}
	function Facet({ name, count: count2, current, onSelect }) {
		return a4("button", { type: "button", class: "facet", "aria-pressed": current, onClick: onSelect, children: [
			name,
			" ",
			a4("span", { class: "muted", children: digits(count2) })
		] });
	}
	function EntryCard({ entry, onGone }) {
		let { busy, problem, run } = useAction(), remove = async () => {
			await run(() => drop(entry.id)) && onGone();
		};
		return a4("li", { class: "card entry", children: [
			a4("div", { class: "row", children: [
				a4(Chip, { label: entry.code, tone: entry.kind === "conflict" ? "warn" : "bad", children: entry.code }),
				a4("span", { class: "muted", children: entry.id }),
				a4("span", { class: "muted", children: a4(Ago, { at: entry.last_received_at }) }),
				entry.count.text !== "1" && a4("span", { class: "muted", children: [
					"came ",
					digits(entry.count),
					" times"
				] }),
				a4(Button, { class: "end", disabled: busy, "aria-label": `Delete ${entry.id}`, onClick: () => {
					remove();
				}, children: "Delete" })
			] }),
			a4("p", { class: "break", children: withCode(entry.message) }),
			a4("pre", { class: "raw", tabIndex: 0, "aria-label": `${entry.id} as it was sent`, children: [
				entry.raw,
				entry.raw_truncated && "…"
			] }),
			problem && a4(ProblemView, { problem })
		] });
	}
	function DeleteAll({ code, count: count2, onClose, onDone }) {
		let [done, setDone] = d2(0), [problem, setProblem] = d2(), remove = async () => {
			try {
				await dropAll(code, setDone);
			} catch (error) {
				throw setProblem(asProblem(error)), error;
			} finally {
				onDone();
			}
		};
		return a4(
			Confirm,
			{
				title: code === void 0 ? "Delete all events in quarantine?" : `Delete all events of ${code}?`,
				action: `Delete ${count2 === void 0 ? "" : digits(count2)}`.trim(),
				onConfirm: remove,
				onClose,
				children: [
					a4("p", { children: "Their texts are gone then, and cannot be sent again from here. Events that come in meanwhile may go as well." }),
					done > 0 && !problem && a4("p", { role: "status", children: [
						digits(done),
						" deleted"
					] })
				]
			}
		);
	}

	// src/pages/runs/schedule.tsx
	function ScheduleCard({ schedule, onChange }) {
		let [editing, setEditing] = d2(!1);
		return a4("section", { class: "card", "aria-label": "Schedule", children: [
			a4("div", { class: "card-heading", children: [
				a4("h2", { children: "Schedule" }),
				may("admin") && a4(Button, { onClick: () => setEditing(!0), children: "Change schedule" })
			] }),
			a4(
				Facts,
				{
					facts: [
						["Incremental", a4(Start, { cron: schedule.incremental, next: schedule.next.incremental })],
						["Full", a4(Start, { cron: schedule.full, next: schedule.next.full })],
						["Time zone", schedule.timezone]
					]
				}
			),
			editing && a4(ScheduleForm, { schedule, onClose: () => setEditing(!1), onChange })
		] });
	}
	function Start({ cron, next }) {
		return cron === "" ? a4("span", { class: "muted", children: "never by itself" }) : a4($, { children: [
			a4("code", { children: cron }),
			next !== null && a4("span", { class: "next", children: [
				"next ",
				a4(Ago, { at: next }),
				" ",
				a4("span", { class: "muted", children: [
					"(",
					dateTime(next),
					")"
				] })
			] })
		] });
	}
	function ScheduleForm({ schedule, onClose, onChange }) {
		let [incremental, setIncremental] = d2(schedule.incremental), [full, setFull] = d2(schedule.full), [timezone, setTimezone] = d2(schedule.timezone), { busy, problem, run } = useAction(), save2 = async (event) => {
			event.preventDefault();
			let body = { incremental: incremental.trim(), full: full.trim(), timezone: timezone.trim() };
			await run(() => request("/v1/schedule", { method: "PUT", body })) && (onChange(), onClose());
		}, errorAt = (pointer) => problem?.pointer === pointer ? problem.message : void 0, placed = ["/incremental", "/full", "/timezone"].includes(problem?.pointer ?? "");
		return a4(Dialog, { title: "Change schedule", onClose, children: a4("form", { class: "fields", onSubmit: (event) => {
			save2(event);
		}, children: [
			a4("p", { class: "muted", children: "Cron with five fields: minute, hour, day of month, month, day of week. Empty: no run starts by itself." }),
			a4(Field, { label: "Incremental runs", hint: "What is new since the last run.", error: errorAt("/incremental"), children: a4(
				"input",
				{
					value: incremental,
					placeholder: "*/5 * * * *",
					spellcheck: !1,
					onInput: (event) => setIncremental(event.currentTarget.value)
				}
			) }),
			a4(Field, { label: "Full runs", hint: "All events ever accepted, computed anew.", error: errorAt("/full"), children: a4(
				"input",
				{
					value: full,
					placeholder: "0 3 * * *",
					spellcheck: !1,
					onInput: (event) => setFull(event.currentTarget.value)
				}
			) }),
			a4(Field, { label: "Time zone", hint: "An IANA name, as Europe/Berlin.", error: errorAt("/timezone"), children: a4(
				"input",
				{
					value: timezone,
					spellcheck: !1,
					onInput: (event) => setTimezone(event.currentTarget.value)
				}
			) }),
			problem && !placed && a4(ProblemView, { problem }),
			a4("footer", { children: [
				a4(Button, { onClick: onClose, children: "Cancel" }),
				a4(Button, { kind: "primary", type: "submit", disabled: busy, children: "Save" })
			] })
		] }) });
	}

	// src/pages/runs/start.tsx
	function StartRun({ onClose, onStart }) {
		let list = useFetched(
			"metrics",
			(signal) => get("/v1/metrics", signal)
		), [mode, setMode] = d2("full"), [chosen, setChosen] = d2([]), { busy, problem, run } = useAction(), toggle = (name) => setChosen(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]), start = async (event) => {
			event.preventDefault(), await run(async () => onStart(await startRun(mode, chosen))) && onClose();
		};
		return a4(Dialog, { title: "Run some metrics", onClose, children: a4("form", { class: "fields", onSubmit: (event) => {
			start(event);
		}, children: [
			a4("fieldset", { children: [
				a4("legend", { children: "Mode" }),
				["incremental", "full"].map((name) => a4("label", { class: "check", children: [
					a4("input", { type: "radio", name: "mode", checked: mode === name, onChange: () => setMode(name) }),
					name === "full" ? "Full: computes everything anew" : "Incremental: folds what is new"
				] }, name))
			] }),
			a4("fieldset", { children: [
				a4("legend", { children: "Metrics" }),
				a4(Gate, { of: list, children: ({ metrics: metrics2 }) => metrics2.length === 0 ? a4(Empty, { title: "There is no metric yet." }) : metrics2.map(({ name }) => a4("label", { class: "check", children: [
					a4(
						"input",
						{
							type: "checkbox",
							checked: chosen.includes(name),
							onChange: () => toggle(name)
						}
					),
					name
				] }, name)) })
			] }),
			problem && a4(ProblemView, { problem }),
			a4("footer", { children: [
				a4(Button, { onClick: onClose, children: "Cancel" }),
				a4(Button, { kind: "primary", type: "submit", disabled: busy || chosen.length === 0, children: "Start run" })
			] })
		] }) });
	}

	// src/pages/runs.tsx
	var EVERY_MS5 = 4e3, SHOWN2 = 100;
	function Runs() {
		let id = place.value.path.split("/")[2];
		return id === void 0 ? a4(RunList, {}) : a4(OneRun, { id: decodeURIComponent(id) }, id);
	}
	function RunList() {
		let list = useFetched("runs", (signal) => get(`/v1/runs?limit=${SHOWN2}`, signal), EVERY_MS5), schedule = useFetched("schedule", (signal) => get("/v1/schedule", signal), 3e4), [choosing, setChoosing] = d2(!1), start = useAction(), begin = (mode) => {
			start.run(async () => {
				await startRun(mode), list.reload();
			});
		};
		return a4($, { children: [
			a4(PageHeading, { title: "Runs", children: may("admin") && a4(
				Menu,
				{
					label: "Start a run",
					name: "Start a run",
					class: "button primary",
					items: [
						{ label: "Incremental", hint: "what is new", onSelect: () => begin("incremental") },
						{ label: "Full", hint: "everything anew", onSelect: () => begin("full") },
						{ label: "Some metrics…", onSelect: () => setChoosing(!0) }
					]
				}
			) }),
			a4("div", { class: "stack", children: [
				start.problem && a4(ProblemView, { problem: start.problem, children: a4(Button, { onClick: start.clear, children: "Close" }) }),
				list.value?.runs.filter(isUnderWay).map((run) => a4(LiveRun, { id: run.id, first: run, onEnd: list.reload }, run.id)),
				schedule.value && a4(ScheduleCard, { schedule: schedule.value, onChange: schedule.reload }),
				a4("section", { class: "card", "aria-label": "Runs that were made", children: a4(Gate, { of: list, children: ({ runs, total }) => runs.length === 0 ? a4(Empty, { title: "No run yet.", children: a4("p", { children: "A run archives events and publishes the batch views. Answers are whole without one, too." }) }) : a4($, { children: [
					a4(Table, { caption: "Runs, newest first", columns: COLUMNS4, rows: runs, rowKey: (run) => run.id }),
					total.approx() > runs.length && a4("p", { class: "table-count muted", children: [
						"The newest ",
						runs.length,
						" of ",
						digits(total)
					] })
				] }) }) })
			] }),
			choosing && a4(StartRun, { onClose: () => setChoosing(!1), onStart: list.reload })
		] });
	}
	var COLUMNS4 = [
		{ key: "state", title: "State", render: (run) => a4(StateChip, { state: run.state }) },
		{
			key: "run",
			title: "Run",
			render: (run) => a4($, { children: [
				a4(Link, { to: `/runs/${run.id}`, class: "nowrap", children: run.id }),
				a4("div", { class: "muted", children: purpose(run) })
			] })
		},
		{ key: "trigger", title: "Started by", render: (run) => run.trigger },
		{ key: "ended", title: "Ended", render: Ended },
		{ key: "took", title: "Took", number: !0, render: Took },
		{ key: "events", title: "Events", number: !0, render: (run) => digits(run.events) },
		{ key: "audit", title: "Audit", number: !0, render: Audit },
		{
			key: "generation",
			title: "Generation",
			number: !0,
			render: (run) => run.generation === null ? "–" : digits(run.generation)
		}
	];
	function Ended(run) {
		return a4("span", { class: "nowrap", children: a4(Ago, { at: run.ended_at }) });
	}
	function Took(run) {
		let ms = tookMs(run, run.ended_at === null ? now.value : 0);
		return ms === void 0 ? "–" : duration(ms);
	}
	function Audit(run) {
		if (run.audit === null)
			return "–";
		let differ = differs(run);
		return a4("span", { class: differ ? "bad-text" : void 0, title: `${digits(run.audit.compared)} groups compared`, children: differ ? `${digits(run.audit.differences)} differ` : "equal" });
	}
	function Differences({ run }) {
		return a4("span", { class: differs(run) ? "bad-text" : void 0, children: run.audit && digits(run.audit.differences) });
	}
	function differs(run) {
		return run.audit !== null && run.audit.differences.text !== "0";
	}
	function OneRun({ id }) {
		let { run, problem } = useRun(id);
		return a4($, { children: [
			a4(PageHeading, { title: id, children: a4(Link, { to: "/runs", class: "button plain", children: "All runs" }) }),
			a4("div", { class: "stack", children: [
				problem && a4(ProblemView, { problem }),
				run && isUnderWay(run) && a4(LiveRun, { id, first: run }),
				run && a4(RunFacts, { run })
			] })
		] });
	}
	function RunFacts({ run }) {
		return a4("section", { class: "card stack", "aria-label": "Facts", children: [
			a4(
				Facts,
				{
					facts: [
						["State", a4(StateChip, { state: run.state })],
						["For", purpose(run)],
						["Started by", run.trigger],
						["Step", run.step],
						["Scheduled for", run.scheduled_for && dateTime(run.scheduled_for)],
						["Started", run.started_at && dateTime(run.started_at)],
						["Ended", run.ended_at && dateTime(run.ended_at)],
						["Took", Took(run)],
						["Events folded", digits(run.events)],
						["Days", digits(run.days)],
						["Attempts", run.attempt && digits(run.attempt)],
						["Version backfilled", run.backfill && digits(run.backfill)],
						["Groups compared", run.audit && digits(run.audit.compared)],
						["Groups that differ", run.audit && a4(Differences, { run })],
						["Generation published", run.generation && digits(run.generation)]
					]
				}
			),
			run.error !== null && a4("div", { children: [
				a4("h2", { children: "Error" }),
				a4("pre", { class: "bad-text", children: run.error })
			] })
		] });
	}

	// src/pages.ts
	var pages = [
		{ name: "explore", title: "Explore", group: "look", role: "read", component: Explore },
		{ name: "d", title: "Dashboards", group: "look", role: "read", component: Dashboards },
		{ name: "metrics", title: "Metrics", group: "look", role: "read", component: Metrics },
		{ name: "runs", title: "Runs", group: "operate", role: "read", unbound: !0, component: Runs },
		{ name: "health", title: "Health", group: "operate", role: "read", unbound: !0, component: Health },
		{ name: "quarantine", title: "Quarantine", group: "operate", role: "admin", component: Quarantine },
		{ name: "keys", title: "Keys", group: "operate", role: "admin", component: Keys }
	];

	// src/theme.ts
	var KEY = "merganser-theme", theme = y3(stored());
	function stored() {
		try {
			let value2 = localStorage.getItem(KEY);
			return value2 === "light" || value2 === "dark" ? value2 : "system";
		} catch {
			return "system";
		}
	}
	function followTheme() {
		x2(() => {
			let chosen = theme.value;
			chosen === "system" ? delete document.documentElement.dataset.theme : document.documentElement.dataset.theme = chosen;
			try {
				localStorage.setItem(KEY, chosen);
			} catch {
			}
		});
	}

	// src/app.tsx
	function App() {
		let who = useFetched("session", loadSession);
		return session.value === void 0 && who.problem ? a4("main", { class: "login", children: a4(ProblemView, { problem: who.problem, children: a4(Button, { onClick: who.reload, children: "Try again" }) }) }) : session.value?.authentication === "required" ? a4(LogIn, {}) : a4(Shell, {});
	}
	function Shell() {
		let [open2, setOpen] = d2(!1), { path } = place.value, name = path.split("/")[1] ?? "", page = pages.find((known) => known.name === name);
		A2(() => {
			document.title = page === void 0 ? "Merganser" : `${page.title} · Merganser`, path === "/" && navigate(`/${pages[0]?.name ?? ""}`, void 0, !0);
		}, [path]);
		let go = () => {
			setOpen(!1), document.getElementById("main")?.focus();
		}, waiting = session.value === void 0 ? " waiting" : "";
		return a4("div", { class: `shell${open2 ? " open" : ""}${waiting}`, children: [
			a4("a", { class: "skip", href: "#main", onClick: toMain, children: "Skip to content" }),
			a4("header", { class: "top-bar", children: [
				a4(Link, { to: "/", class: "brand", children: "Merganser" }),
				a4(Button, { kind: "quiet", "aria-expanded": open2, "aria-controls": "nav", onClick: () => setOpen(!open2), children: "Menu" })
			] }),
			a4("nav", { id: "nav", class: "nav", "aria-label": "Pages", children: [
				a4(Link, { to: "/", class: "brand", children: "Merganser" }),
				a4(Group, { group: "look", current: name, onGo: go }),
				a4(Group, { group: "operate", current: name, onGo: go }),
				a4("div", { class: "nav-end", children: [
					a4(Account, {}),
					a4(ThemeSwitch, {})
				] })
			] }),
			a4("main", { id: "main", class: "main", tabIndex: -1, children: a4(Body, { page }) })
		] });
	}
	function toMain(event) {
		event.preventDefault(), document.getElementById("main")?.focus();
	}
	function Body({ page }) {
		return page === void 0 ? place.value.path === "/" ? null : a4($, { children: [
			a4(PageHeading, { title: "No such page" }),
			a4(Empty, { title: "There is nothing at this address.", children: a4(Link, { to: "/", children: "Go to the first page" }) })
		] }) : may(page.role, page.unbound) ? a4(page.component, {}) : a4($, { children: [
			a4(PageHeading, { title: page.title }),
			a4(Empty, { title: "This key may not see this page." })
		] });
	}
	function Group({ group, current, onGo }) {
		let shown2 = pages.filter((page) => page.group === group && may(page.role, page.unbound));
		return a4("ul", { class: "nav-group", children: shown2.map((page) => a4("li", { children: a4(Link, { to: `/${page.name}`, current: page.name === current, onGo, children: page.title }) }, page.name)) });
	}
	function Account() {
		if (session.value?.authentication !== "session")
			return null;
		let { key: key3 } = session.value;
		return a4("div", { class: "account", children: [
			key3 && a4("span", { class: "account-name", children: key3.note || key3.id }),
			a4(Button, { kind: "quiet", onClick: () => {
				logOut();
			}, children: "Log out" })
		] });
	}
	var THEMES = [
		["system", "System"],
		["light", "Light"],
		["dark", "Dark"]
	];
	function ThemeSwitch() {
		return a4("label", { class: "theme", children: [
			a4("span", { class: "visually-hidden", children: "Colours" }),
			a4(
				"select",
				{
					value: theme.value,
					onChange: (event) => {
						theme.value = event.currentTarget.value;
					},
					children: THEMES.map(([value2, label]) => a4("option", { value: value2, children: label }, value2))
				}
			)
		] });
	}

	// src/main.tsx
	followTheme();
	var root = document.getElementById("app");
	root !== null && Q(a4(App, {}), root);
})();

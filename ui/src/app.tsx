// The shell: navigation, theme, log-in, and the page of the address.
import { useEffect, useState } from 'preact/hooks';
import { Button, Empty, Link, PageHeading, ProblemView } from './components';
import { useFetched } from './fetched';
import { LogIn } from './login';
import { type Page, pages } from './pages';
import { navigate, place } from './router';
import { loadSession, logOut, may, session } from './session';
import { type Theme, theme } from './theme';

export function App() {
  const who = useFetched('session', loadSession);
  if (session.value === undefined && who.problem) {
    return (
      <main class="login">
        <ProblemView problem={who.problem}>
          <Button onClick={who.reload}>Try again</Button>
        </ProblemView>
      </main>
    );
  }
  return session.value?.authentication === 'required' ? <LogIn /> : <Shell />;
}

function Shell() {
  const [open, setOpen] = useState(false);
  const { path } = place.value;
  const name = path.split('/')[1] ?? '';
  const page = pages.find((known) => known.name === name);
  useEffect(() => {
    document.title = page === undefined ? 'Merganser' : `${page.title} · Merganser`;
    if (path === '/') {
      navigate(`/${pages[0]?.name ?? ''}`, undefined, true);
    }
  }, [path]);
  const go = () => {
    setOpen(false);
    document.getElementById('main')?.focus();
  };
  // Until it is known who the reader is, the page asks for what it will show, and shows nothing.
  const waiting = session.value === undefined ? ' waiting' : '';
  return (
    <div class={`shell${open ? ' open' : ''}${waiting}`}>
      <a class="skip" href="#main" onClick={toMain}>
        Skip to content
      </a>
      <header class="top-bar">
        <Link to="/" class="brand">
          Merganser
        </Link>
        <Button kind="quiet" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)}>
          Menu
        </Button>
      </header>
      <nav id="nav" class="nav" aria-label="Pages">
        <Link to="/" class="brand">
          Merganser
        </Link>
        <Group group="look" current={name} onGo={go} />
        <Group group="operate" current={name} onGo={go} />
        <div class="nav-end">
          <Account />
          <ThemeSwitch />
        </div>
      </nav>
      <main id="main" class="main" tabIndex={-1}>
        <Body page={page} />
      </main>
    </div>
  );
}

function toMain(event: Event) {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Body({ page }: { readonly page: Page | undefined }) {
  if (page === undefined) {
    return place.value.path === '/' ? null : (
      <>
        <PageHeading title="No such page" />
        <Empty title="There is nothing at this address.">
          <Link to="/">Go to the first page</Link>
        </Empty>
      </>
    );
  }
  if (!may(page.role, page.unbound)) {
    return (
      <>
        <PageHeading title={page.title} />
        <Empty title="This key may not see this page." />
      </>
    );
  }
  return <page.component />;
}

interface GroupProps {
  readonly group: Page['group'];
  readonly current: string;
  readonly onGo: () => void;
}

function Group({ group, current, onGo }: GroupProps) {
  const shown = pages.filter((page) => page.group === group && may(page.role, page.unbound));
  return (
    <ul class="nav-group">
      {shown.map((page) => (
        <li key={page.name}>
          <Link to={`/${page.name}`} current={page.name === current} onGo={onGo}>
            {page.title}
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Account() {
  if (session.value?.authentication !== 'session') {
    return null;
  }
  const { key } = session.value;
  return (
    <div class="account">
      {key && <span class="account-name">{key.note || key.id}</span>}
      <Button kind="quiet" onClick={() => void logOut()}>
        Log out
      </Button>
    </div>
  );
}

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'System'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function ThemeSwitch() {
  return (
    <label class="theme">
      <span class="visually-hidden">Colours</span>
      <select
        value={theme.value}
        onChange={(event) => {
          theme.value = event.currentTarget.value as Theme;
        }}
      >
        {THEMES.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

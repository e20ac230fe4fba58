// The form for a key. Its text goes to the service once and is not kept.
import { useState } from 'preact/hooks';
import { asProblem, type Problem } from './api';
import { Button, Field, ProblemView } from './components';
import { logIn } from './session';

export function LogIn() {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await logIn(key.trim());
      setKey('');
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>Merganser</h1>
        <p>This service asks for a key. It is sent once and never kept in the page.</p>
        <Field label="Key">
          <input
            type="password"
            autocomplete="off"
            autoFocus
            required
            spellcheck={false}
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </Field>
        <Button kind="primary" type="submit" disabled={busy || key.trim() === ''}>
          Log in
        </Button>
        {problem && <ProblemView problem={problem} />}
      </form>
    </main>
  );
}

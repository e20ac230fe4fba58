import { render } from 'preact';
import { App } from './app';
import { followTheme } from './theme';

followTheme();
const root = document.getElementById('app');
if (root !== null) {
  render(<App />, root);
}

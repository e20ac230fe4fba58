// Builds the page into dist/ under stable names, neither hashed nor minified: what is committed stays
// readable, and its history small. With --tests it bundles the unit tests for node's runner instead.
import { build, context } from 'esbuild';
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';

const common = {
  bundle: true,
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  // Without a comment at every element that a minifier could leave it out.
  jsxSideEffects: true,
  legalComments: 'none',
  logLevel: 'warning',
  minifySyntax: true,
  target: 'es2022',
};

/** Writes with tabs: a level of indentation is a byte instead of two. No text in src/ begins lines with spaces. */
const tabs = {
  name: 'tabs',
  setup(build) {
    build.initialOptions.write = false;
    build.onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles) {
        await writeFile(path, text.replace(/^(?: {2})+/gm, (spaces) => '\t'.repeat(spaces.length / 2)));
      }
    });
  },
};

const page = [
  { ...common, entryPoints: ['src/main.tsx'], outfile: 'dist/app.js', format: 'iife', plugins: [tabs] },
  { ...common, entryPoints: ['src/css/app.css'], outfile: 'dist/app.css', plugins: [tabs] },
];

async function buildPage(watch) {
  await mkdir('dist', { recursive: true });
  await Promise.all(['index.html', 'icon.svg'].map((name) => copyFile(name, `dist/${name}`)));
  for (const options of page) {
    await (watch ? (await context(options)).watch() : build(options));
  }
}

async function bundleTests() {
  await rm('.test', { recursive: true, force: true });
  const files = (await readdir('test')).filter((name) => /\.test\.tsx?$/.test(name));
  await build({
    ...common,
    entryPoints: files.map((name) => `test/${name}`),
    format: 'esm',
    outdir: '.test',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
  });
}

await (process.argv.includes('--tests') ? bundleTests() : buildPage(process.argv.includes('--watch')));

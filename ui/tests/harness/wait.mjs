// Waiting: for a promise, or until a condition holds, with a deadline that says what was waited for.

/** The promise's value, or a failure after so many seconds. */
export async function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`waited ${seconds} s until ${what}`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks until the condition gives something true, and gives that. */
export async function until(what, condition, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${seconds} s until ${what}`);
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Tries an assertion again until it holds; fails with its last failure. */
export async function eventually(check, seconds = 15) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) {
        throw error;
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

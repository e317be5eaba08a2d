/** What the behaviours use of node:assert/strict, for a browser. */
class AssertionError extends Error {}

function fail(message, ...values) {
  throw new AssertionError(`${message ?? "not so"}: ${values.map(said).join(" and ")}`);
}

const said = (value) => JSON.stringify(value) ?? String(value);

export default function assert(value, message) {
  if (!value) fail(message, value);
}

assert.equal = (found, wanted, message) => {
  if (!Object.is(found, wanted)) fail(message, found, wanted);
};

assert.notEqual = (found, other, message) => {
  if (Object.is(found, other)) fail(message, found);
};

// The behaviours compare lists of numbers, and of these.
assert.deepEqual = (found, wanted, message) => {
  if (said(found) !== said(wanted)) fail(message, found, wanted);
};

assert.match = (text, pattern, message) => {
  if (!pattern.test(text)) fail(message, text, String(pattern));
};

assert.rejects = async (given, wanted) => {
  try {
    await (typeof given === "function" ? given() : given);
  } catch (error) {
    if (wanted instanceof RegExp ? wanted.test(String(error)) : wanted(error)) return;
    throw error;
  }
  fail("it was to fail");
};

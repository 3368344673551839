// Plays the steps of `realm call PATH --steps` through a package's own JavaScript, and prints the
// lines that Realm must print for them.
//
// usage: node --experimental-wasm-modules play.mjs < JOB
//   JOB: {"entry": FILE, "init": {"function": NAME, "module": FILE}?, "steps": [STEP, ...]}
//
// A step's error line holds the message and, where it is a trap of WebAssembly, {"trap": true}.

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const job = JSON.parse(readFileSync(0, 'utf8'));
const lines = [];
const objects = new Map();

// What the package logs is no part of the answer.
for (const level of ['debug', 'error', 'info', 'log', 'trace', 'warn']) {
  console[level] = () => {};
}

async function load() {
  const namespace = await import(pathToFileURL(job.entry));
  const exported = namespace.default !== null && typeof namespace.default === 'object'
    ? { ...namespace, ...namespace.default } : { ...namespace };
  if (job.init) {
    const module = new WebAssembly.Module(readFileSync(job.init.module));
    const start = exported[job.init.function];
    // The older of the two ways is a warning to newer versions, the newer an error to older ones.
    await start(module);
  }
  return exported;
}

const exported = await load();

// An object of a class of the module: it keeps a pointer and can be freed.
function isObjectOfClass(value) {
  return (Object.hasOwn(value, '__wbg_ptr') || Object.hasOwn(value, 'ptr'))
    && typeof Object.getPrototypeOf(value)?.free === 'function';
}

// From the form of a step's argument to the value.
function decode(form) {
  if (form === null || typeof form !== 'object') return form;
  if (Array.isArray(form)) return form.map(decode);
  if ('$undefined' in form) return undefined;
  if ('$number' in form) return Number(form.$number);
  if ('$bigint' in form) return BigInt(form.$bigint);
  if ('$bytes' in form) return new Uint8Array(Buffer.from(form.$bytes, 'base64'));
  if ('$map' in form) return new Map(form.$map.map(([key, value]) => [decode(key), decode(value)]));
  if ('$set' in form) return new Set(form.$set.map(decode));
  if ('$callback' in form) return makeCallback(form);
  if ('$ref' in form) {
    if (!objects.has(form.$ref)) throw new Error(`no step made '${form.$ref}'`);
    return objects.get(form.$ref);
  }
  return Object.fromEntries(Object.entries(form).map(([key, value]) => [key, decode(value)]));
}

function makeCallback({ $callback: name, returns }) {
  return (...args) => {
    lines.push(JSON.stringify({ callback: name, args: args.map((value) => encode(value)) }));
    return returns === undefined ? undefined : decode(returns);
  };
}

// From a value to its form. Objects of classes are known by `name` afterwards.
function encode(value, name = null, above = []) {
  switch (typeof value) {
    case 'undefined': return { $undefined: true };
    case 'bigint': return { $bigint: String(value) };
    case 'symbol': return { $symbol: value.description ?? null };
    case 'function': return { $function: true };
    case 'number':
      if (!Number.isFinite(value)) return { $number: String(value) };
      return Object.is(value, -0) ? { $number: '-0' } : value;
    case 'object': return value === null ? null : encodeObject(value, name, above);
    default: return value;
  }
}

function encodeObject(value, name, above) {
  if (isObjectOfClass(value)) {
    if (name !== null) objects.set(name, value);
    return { $ref: name };
  }
  if (above.includes(value)) return { $cycle: true };
  const inner = (key, item) => encode(item, name === null ? null : `${name}.${key}`,
    [...above, value]);
  if (value instanceof ArrayBuffer) return { $bytes: Buffer.from(value).toString('base64') };
  if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $bytes: bytes.toString('base64') };
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value, (item) => encode(item));
  }
  if (Array.isArray(value)) return Array.from(value, (item, index) => inner(index, item));
  if (value instanceof Map) {
    return {
      $map: [...value].map(([key, item], index) => [inner(`${index}.0`, key),
        inner(`${index}.1`, item)]),
    };
  }
  if (value instanceof Set) {
    return { $set: [...value].map((item, index) => inner(index, item)) };
  }
  if (value instanceof Error) return { $error: value.message };
  if (value instanceof Date) return { $date: value.toISOString() };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(key, item)]));
}

// What a step's "do" stands for: a function of the decoded arguments.
function find(what) {
  if (what.startsWith('new ')) {
    const made = exported[what.slice(4)];
    return (args) => new made(...args);
  }
  const dot = what.lastIndexOf('.');
  if (dot < 0) return (args) => (objects.get(what) ?? exported[what])(...args);
  const name = what.slice(0, dot);
  const member = what.slice(dot + 1);
  const owner = objects.has(name) ? objects.get(name) : exported[name];
  if (member === 'free' && objects.has(name)) {
    return () => {
      objects.delete(name);
      return owner.free();
    };
  }
  return (args) => {
    if (typeof owner[member] === 'function') return owner[member](...args);
    if (args.length === 0) return owner[member];
    [owner[member]] = args;
    return undefined;
  };
}

function describe(thrown) {
  if (thrown instanceof WebAssembly.RuntimeError) return { message: thrown.message, trap: true };
  if (typeof thrown?.message === 'string') return { message: thrown.message };
  if (thrown === null || typeof thrown !== 'object') return { message: String(thrown) };
  return { message: JSON.stringify(encode(thrown)) };
}

for (const step of job.steps) {
  let line;
  try {
    const result = await find(step.do)((step.args ?? []).map(decode));
    if (step.as !== undefined) objects.set(step.as, result);
    line = { ok: encode(result, step.as ?? null) };
  } catch (thrown) {
    line = { error: describe(thrown) };
  }
  // Lets what the step left in the queue of microtasks run.
  await new Promise((resolve) => { setImmediate(resolve); });
  lines.push(JSON.stringify(line));
}
process.stdout.write(lines.map((line) => `${line}\n`).join(''), () => process.exit(0));

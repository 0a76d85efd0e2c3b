/** Parts of libraries that vmgate never reaches: native code, which would have to be compiled, and what is only big. */

/** Tried at load time, with a fallback in JavaScript when that fails: it has to fail there. */
const NATIVE = /^cpu-features$|\.node$/;
/** BuildKit's protocol of dockerode; an editor's character sets of inquirer. */
const UNUSED = /^@grpc\/|^protobufjs$|^@inquirer\/external-editor$/;

export function leaveOut() {
  return {
    name: 'leave out',
    setup(build) {
      for (const filter of [NATIVE, UNUSED]) {
        build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'left-out' }));
      }
      build.onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
        contents: NATIVE.test(path) ? refusing(path) : empty(path),
      }));
    },
  };
}

function refusing(name) {
  return `throw new Error(${JSON.stringify(`${name} is not part of vmgate`)});`;
}

/** Whoever reaches it after all gets told so, and not that something is undefined. */
function empty(name) {
  return `module.exports = new Proxy({}, { get() { ${refusing(name)} } });`;
}

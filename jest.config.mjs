const transform = {
  '\\.ts$': [
    '@swc/jest',
    {
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    },
  ],
};
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  injectGlobals: false,
  maxWorkers: '100%',
  extensionsToTreatAsEsm: ['.ts'],
  transform,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!src/main.ts'],
};

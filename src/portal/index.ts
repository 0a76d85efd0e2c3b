/** Portals of local networks: found from this machine, walked to through a gateway, shown in a browser of their own. */
export { browserArgv, findBrowser, openBrowser } from './browser.ts';
export { errors, events } from './codes.ts';
export { type LookMeans, lookForPortal } from './look.ts';
export { askPage, portOf, type Reach } from './page.ts';

/** Where a person looks at a work VM's screen: viewers of this machine, and the way they get to it. */
export { errors as viewErrors } from './codes.ts';
export { type Door, openDoor } from './door.ts';
export { reachScreen } from './screen.ts';
export { type OpenViewer, openViewer } from './viewer.ts';
export { chooseViewer, type Viewer, viewersOf } from './viewers.ts';

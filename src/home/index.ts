/** The home folder: where everything is kept, and how it is kept whole. */
export { isAbandonedWrite, settleFile, syncFolder, writeFileAtomic } from './atomic-write.ts';
export { emptyFolder } from './empty-folder.ts';
export { homeRoot, openGate, openHome } from './home.ts';
export { Journal, readJournal, readWholeJournal } from './journal.ts';
export { type GateLayout, type HomeLayout, layoutOf, MAX_SOCKET_PATH } from './layout.ts';
export { acquireLock, type Lock, type LockHolder, readLock } from './lock.ts';
export { readPlainFile } from './plain-file.ts';
export { type PrivateRead, readPrivateFile } from './private-file.ts';
export { RotatingFile, rotatedLines } from './rotating-file.ts';
export { objectionTo as objectionToFolder } from './safe-folder.ts';
export { MAX_NAME } from './short-path.ts';

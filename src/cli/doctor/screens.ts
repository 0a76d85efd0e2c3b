/** Findings about screens of work VMs: only where this folder's vmgate.yaml asks for one. */
import { loadConfig, type WorkConfig } from '../../config/index.ts';
import { hasWindow, Installation, WINDOW_PACKAGE } from '../../drivers/index.ts';
import type { HomeLayout } from '../../home/index.ts';
import { hostPlatform, installLine } from '../../host/index.ts';
import { chooseViewer } from '../../view/index.ts';
import { type Examination, type Finding, note, ok, wrong } from './finding.ts';

export function screenExaminations(home: HomeLayout, cwd: string): readonly Examination[] {
  return [async () => screenFindings(displaysIn(home, cwd))];
}

/** A file that is not there or does not hold is another finding. */
function displaysIn(home: HomeLayout, cwd: string): ReadonlySet<WorkConfig['display']> {
  try {
    return new Set(loadConfig(cwd, home.root).config.work.map(({ display }) => display));
  } catch {
    return new Set();
  }
}

export interface ScreenMeans {
  readonly canOpenWindows: () => Promise<boolean>;
  readonly viewer: () => Promise<string | undefined>;
}

const thisMachine: ScreenMeans = {
  canOpenWindows: async () => {
    const { binary } = await new Installation({ forcedAccel: 'tcg' }).find(hostPlatform().arch);
    return hasWindow(binary);
  },
  viewer: async () => (await chooseViewer())?.program,
};

/** Exported for its test. */
export async function screenFindings(
  displays: ReadonlySet<WorkConfig['display']>,
  means: ScreenMeans = thisMachine,
): Promise<readonly Finding[]> {
  return [
    ...(displays.has('window') ? [await windowFinding(means)] : []),
    ...(displays.has('vnc') ? [await viewerFinding(means)] : []),
  ];
}

async function windowFinding({ canOpenWindows }: ScreenMeans): Promise<Finding> {
  if (await canOpenWindows()) return ok('window', 'QEMU can open windows of its own');
  const why = 'vmgate.yaml has a work VM with display: window';
  return wrong('window', 'QEMU cannot open windows of its own', why, installLine(WINDOW_PACKAGE));
}

async function viewerFinding({ viewer }: ScreenMeans): Promise<Finding> {
  const program = await viewer();
  if (program !== undefined) return ok('viewer', program);
  const why = 'vmgate view opens the screens of work VMs with display: vnc in one';
  return note('viewer', 'no VNC viewer is installed', why, installLine('vncviewer'));
}

// Baseline for guard-frames: everything from one unix socket into another, judged by nobody.
// usage: node pipe.mjs OUTGOING RELEASED
import net from 'node:net';

const [outgoing, released] = process.argv.slice(2);
const sink = net.connect(released, () => net.connect(outgoing).pipe(sink));

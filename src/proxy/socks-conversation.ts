/** One SOCKS5 conversation, from the first byte to what is asked for. */
import type { Duplex } from 'node:stream';
import { type Asked, wordsFor } from './asked.ts';
import { type Credential, isCredential } from './credential.ts';
import { farewell } from './farewell.ts';
import {
  loginReply,
  METHODS,
  methodReply,
  REPLIES,
  type Reading,
  readLogin,
  readMethods,
  readRequest,
  requestReply,
} from './socks5.ts';

/**
 * Resolves with what is asked for; undefined when the program has been sent away, with the reason in its protocol where
 * there is a word for it. A program that goes away leaves this unsettled: its stream's `close` tells.
 */
export async function converseSocks(stream: Duplex, credential: Credential | undefined): Promise<Asked | undefined> {
  const methods = await take(stream, readMethods);
  const method = credential === undefined ? METHODS.none : METHODS.password;
  if (methods?.includes(method) !== true) return away(stream, methods && methodReply(METHODS.unacceptable));
  stream.write(methodReply(method));
  if (credential !== undefined) {
    const login = await take(stream, readLogin);
    const isRight = login !== undefined && isCredential(credential, login.user, login.password);
    if (!isRight) return away(stream, loginReply(false));
    stream.write(loginReply(true));
  }
  const request = await take(stream, readRequest);
  if (request?.kind !== 'connect') return away(stream, request && requestReply(request.reply));
  return {
    host: request.host,
    port: request.port,
    stream,
    accept: () => {
      stream.write(requestReply(REPLIES.succeeded));
    },
    refuse: (fault) => {
      farewell(stream, requestReply(wordsFor(fault).socks));
    },
  };
}

function away(stream: Duplex, lastWords: Buffer | undefined): undefined {
  if (lastWords === undefined) stream.destroy();
  else farewell(stream, lastWords);
}

/** The next message; undefined when it is garbled or breaks off. No message is longer than 518 bytes, so nothing grows. */
function take<T>(stream: Duplex, parse: (bytes: Buffer) => Reading<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const settle = (value: T | undefined) => {
      stream.off('readable', onReadable).off('end', onEnd);
      resolve(value);
    };
    const onEnd = () => settle(undefined);
    const onReadable = () => {
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
        seen = Buffer.concat([seen, chunk]);
        const reading = parse(seen);
        if (reading.kind === 'more') continue;
        if (reading.kind === 'read' && reading.rest.length > 0) stream.unshift(reading.rest);
        return settle(reading.kind === 'read' ? reading.value : undefined);
      }
    };
    stream.on('readable', onReadable).on('end', onEnd);
    onReadable();
  });
}

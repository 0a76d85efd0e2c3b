/** What another program sent as JSON, for a schema to judge: undefined is no shape of any message. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

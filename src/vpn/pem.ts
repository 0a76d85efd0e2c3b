/** Whole PEM blocks with that label. The body's alphabet keeps the search from running over a block's end. */
export function pemsOf(text: string, label: string): readonly string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')) ?? [];
}

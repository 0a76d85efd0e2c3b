/** What may leave the gateway, as data, and what it compiles to. */
export type { Defence, RemovedDefences } from './defence.ts';
export type { EgressPolicy } from './egress-policy.ts';
export { compileMatcher, type FrameMatcher } from './guard-matcher.ts';
export { type CounterName, compileNft, type NftRuleset, renderNft } from './nft.ts';
export { denialOf } from './nft-work.ts';
export { compareRulesets, type ListedRuleset, normalizeRuleset } from './normalize.ts';
export { describeEgress, type EgressRow } from './people.ts';
export { type FrameKind, judgeFrame, type UplinkPolicy } from './verdict.ts';
export {
  type EgressRule,
  type NameFeed,
  nameFeeds,
  type PortRange,
  type RuleAction,
  type RuleProtocol,
  type WorkEgress,
} from './work-egress.ts';
export {
  compileTable,
  type Decider,
  type Destination,
  describeRule,
  judgeByTable,
  type TableVerdict,
} from './work-table.ts';

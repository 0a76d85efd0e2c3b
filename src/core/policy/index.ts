/** What may leave the gateway, as data, and what it compiles to. */
export { carriersOf, hopNames, uplinkSocket } from './chain.ts';
export type { Defence, RemovedDefences } from './defence.ts';
export { type EgressPolicy, inForce, isOverTcp, PORTAL_PORTS } from './egress-policy.ts';
export { compileMatcher, type FrameMatcher } from './guard-matcher.ts';
export { type CounterName, compileNft, type NftRuleset, renderNft } from './nft.ts';
export { denialOf } from './nft-work.ts';
export { compareRulesets, type ListedRuleset, normalizeRuleset } from './normalize.ts';
export { describeEgress, type EgressRow } from './people.ts';
export { type FrameKind, judgeFrame, type UplinkPolicy } from './verdict.ts';
export {
  type NameFeed,
  nameFeeds,
  type WorkEgress,
} from './work-egress.ts';
export {
  compileTable,
  type Decider,
  type Destination,
  describeRule,
  judgeByTable,
} from './work-table.ts';

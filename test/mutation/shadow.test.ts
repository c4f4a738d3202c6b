// SPDX-License-Identifier: Apache-2.0
/** Histories and conflicts are worth something only if they catch a shadow that is wrong: these are, on purpose. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../../src/bytes/value.js";
import { Shadow } from "../../src/shadow/shadow.js";
import { StorageStore, type Kept } from "../../src/shadow/store.js";
import { shadowLives } from "../simulation/shadow-histories.js";
import { Alone } from "../unit/shadow/alone.js";
import { Pair } from "../unit/shadow/pair.js";
import { wrongly, type Method, type Tampering } from "./tamper.js";

const SEEDS = 1_000;

/** What the first history says that fails, or `undefined`. */
function verdict(): string | undefined {
	for (let seed = 1; seed <= SEEDS; seed++) {
		try {
			shadowLives(seed);
		} catch (error) {
			return String(error);
		}
	}
	return undefined;
}

interface Wrong {
	name: string;
	tamperings: readonly Tampering[];
	says: RegExp;
	/** What catches it, where histories do so too seldom. */
	trial?: () => string | undefined;
}

/** A version that was missed hides that something is no longer desired. */
function missed(): string | undefined {
	const rig = new Alone(undefined, { a: 1 }, { a: 1 });
	rig.delta(7, { b: 1 });
	rig.document(7, { b: 1 }, { a: 1 });
	return rig.report({ a: 5 }).find((line) => line.startsWith("delta") && line.includes("a"));
}

/** So does a delta that lacks it. */
function takenBack(): string | undefined {
	const rig = new Alone(undefined, { a: 1, b: 1 }, { a: 0, b: 0 });
	rig.delta(6, { b: 1 });
	rig.document(6, { b: 1 }, { a: 0, b: 0 });
	rig.report({ b: 1 });
	return rig.accepted(7).length > 0 ? undefined : "never in sync";
}

/** A version that the answer is to tell of is used before it came. */
function overtaken(): string | undefined {
	const rig = new Alone("sum", { n: 5, x: 1 }, { n: 5 });
	rig.report({ n: 7 });
	rig.delta(6, { x: 1 });
	rig.delta(7, { n: 8, x: 1 });
	rig.accepted(6);
	const { n } = rig.shadow.reported;
	return n === 7 ? undefined : `counted ${String(n)}`;
}

/** A delta that comes before a document that is older. */
function overtaking(): string | undefined {
	const rig = new Alone();
	rig.delta(9, { a: 1 });
	rig.delta(10, { a: 2 });
	return rig.document(9, { a: 1 }, {}).includes("get") ? undefined : "missed";
}

/** What is deleted offline, before a reset. */
function deletedOffline(): string | undefined {
	const pair = new Pair().connect().report({ a: 1 });
	pair.disconnect();
	pair.report({ a: null });
	pair.boot();
	pair.connect();
	return Object.hasOwn(pair.cloud.reported, "a") ? "not deleted" : undefined;
}

/** A method of shadows in place of the right one. */
function shadow(name: string, method: (right: Method) => Method): Tampering {
	return { prototype: Shadow.prototype, name, method };
}

/** A store that writes something else than it was given. */
function stored(change: (kept: Kept, rest: JSONObject) => Kept): Tampering {
	return {
		prototype: StorageStore.prototype, name: "save", method: (save) => function (this: StorageStore, kept: Kept, rest: JSONObject) {
			(save as StorageStore["save"]).call(this, change(kept, rest), rest);
		},
	};
}

/** What a shadow sends, changed on its way. */
function sending(change: (update: { reported?: JSONObject; desired?: JSONObject; version?: number }) => object): Tampering {
	return shadow("update", (say) => function (this: Shadow, port: never, token: never, now: never, update: object) {
		return (say as (...values: unknown[]) => unknown).call(this, port, token, now, { ...update, ...change(update) });
	});
}

/** What the compiler keeps private, as a build that is wrong may reach for it. */
const partsOf = (of: Shadow): { sides(): { local: JSONObject; counted: JSONObject }; save(): void } => of as never;
const answered = new Set<Shadow>();
const nothing = (): Method => () => {};
const MISCOUNTED = /count should be/;

const WRONG: readonly Wrong[] = [
	{
		name: "that takes every version for the next one",
		tamperings: [shadow("delta", (delta) => function (this: Shadow, version: unknown, ...values: never[]) {
			if (typeof version === "number" && version > this.version) this.version = version - 1;
			return (delta as (...values: unknown[]) => void).call(this, version, ...values);
		})],
		trial: missed, says: /"a":1/,
	},
	{
		name: "that applies what is stale and repeated",
		tamperings: [shadow("delta", (delta) => function (this: Shadow, version: unknown, ...values: never[]) {
			if (typeof version === "number" && version <= this.version) this.version = version - 1;
			return (delta as (...values: unknown[]) => void).call(this, version, ...values);
		})],
		says: /./,
	},
	{ name: "that does not fetch again", tamperings: [shadow("refetch", nothing)], says: /./ },
	{ name: "that hears no delta before the document", tamperings: [shadow("heed", nothing)], trial: overtaking, says: /missed/ },
	{ name: "that takes every delta for all that changed", tamperings: [shadow("explains", () => () => true)], trial: takenBack, says: /never in sync/ },
	{ name: "that gives up when no answer comes", tamperings: [shadow("lost", nothing)], says: /./ },
	{
		name: "that names no version for what it desires", tamperings: [sending(() => ({ version: undefined }))], says: MISCOUNTED,
	},
	{
		name: "that never writes to what is desired", tamperings: [sending(() => ({ desired: undefined }))], says: /./,
	},
	{
		name: "that lets deltas pass an update which fits one version",
		tamperings: [
			shadow("update", (say) => function (this: Shadow, port: { update: Method }, token: never, now: never, update: { version?: number }) {
				const { version } = update;
				// The cloud is told, and the shadow forgets that it did so.
				const through = { ...port, update: (_: string, { reported, desired }: { reported: unknown; desired: unknown }, held: unknown) =>
					(port.update as (...values: unknown[]) => boolean)(token, { reported, desired, version }, held) };
				return (say as (...values: unknown[]) => unknown).call(this, through, token, now, { ...update, version: undefined });
			}),
		],
		trial: overtaken, says: /counted/,
	},
	{ name: "that keeps nothing", tamperings: [shadow("save", nothing)], says: /./ },
	{
		name: "that keeps no tombstones",
		tamperings: [stored((kept) => ({ ...kept, local: Object.fromEntries(Object.entries(kept.local).filter(([, value]) => value !== null)) }))],
		trial: deletedOffline, says: /not deleted/,
	},
	{ name: "that keeps only what the cloud has", tamperings: [stored((kept, rest) => ({ ...kept, local: Object.fromEntries(Object.entries(kept.local).filter(([name]) => !Object.hasOwn(rest, name))) }))], says: /./ },
	{ name: "that forgets at a reset what it has counted", tamperings: [stored((kept) => ({ ...kept, counted: {} }))], says: MISCOUNTED },
	{ name: "that never settles a count", tamperings: [shadow("settle", nothing)], says: /./ },
	{
		name: "that settles a count whenever a document comes",
		tamperings: [shadow("document", (document) => function (this: Shadow, ...values: never[]) {
			const result = document.apply(this, values);
			const { counted } = partsOf(this).sides();
			for (const member of Object.keys(counted)) delete counted[member];
			return result;
		})],
		says: MISCOUNTED,
	},
	{
		name: "that saves once it has an answer, and not before",
		tamperings: [
			shadow("save", (save) => function (this: Shadow) {
				if (answered.has(this)) save.call(this);
			}),
			...["accepted", "document"].map((name) => shadow(name, (answer) => function (this: Shadow, ...values: never[]) {
				answer.apply(this, values);
				answered.add(this);
				partsOf(this).save();
				answered.delete(this);
			})),
		],
		says: MISCOUNTED,
	},
	{
		name: "that tells everything every time",
		tamperings: [shadow("tell", (tell) => function (this: Shadow) {
			// As if nothing were to be told, and what was told were forgotten.
			const parts = this as unknown as { evaluate?: () => object };
			const evaluate = parts.evaluate!;
			parts.evaluate = () => ({ ...evaluate.call(this), outstanding: {} });
			tell.call(this);
			delete parts.evaluate;
			tell.call(this);
		})],
		says: /told twice|due for ever/,
	},
	{ name: "that does not take over what it counted", tamperings: [shadow("evaluate", (evaluate) => function (this: Shadow) {
		const sides = partsOf(this).sides();
		const before = JSON.stringify(sides.local);
		const merged = evaluate.call(this);
		const { count } = JSON.parse(before) as JSONObject;
		if (count !== undefined) sides.local["count"] = count;
		return merged;
	})], says: /./ },
];

test("what catches a shadow that is wrong finds nothing in one that is right", () => {
	for (const trial of [missed, takenBack, overtaken, overtaking, deletedOffline]) assert.equal(trial(), undefined);
});

for (const { name, tamperings, says, trial = verdict } of WRONG) {
	test(`a shadow ${name} is caught`, () => {
		const said = wrongly(tamperings, trial);
		assert.ok(said !== undefined, "nobody noticed");
		assert.match(said, says);
	});
}

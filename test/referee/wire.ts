// SPDX-License-Identifier: Apache-2.0
/**
 * A shadow's work at AWS by our device and by the vendor's own SDK, and what it costs on the wire.
 *
 * Counted behind TLS, as MQTT packets: all bytes both ways, acknowledgements and subscriptions with them.
 */
import type { TestContext } from "node:test";
import type { JSONObject } from "../../src/bytes/value.js";
import { aws } from "../../src/clouds/aws/index.js";
import { Device } from "../../src/device.js";
import { Inbox } from "../interop/inbox.js";
import type { RefereeCloud } from "./cloud.js";
import { makeHost } from "./moorline.js";
import { Sdk } from "./sdk.js";
import type { Tapped } from "./tap.js";

export interface Cost {
	/** Bytes. */
	toCloud: number;
	toDevice: number;
	/** Until the last answer of the shadow's; that of CONNECT is one. */
	roundTrips: number;
}

export const ID = "lamp";
export const LEAF_COUNT = 50;

/** Numbers and switches as a device has them: 5 groups of 10. */
export function leaves(): Record<string, Record<string, number | boolean>> {
	const document: Record<string, Record<string, number | boolean>> = {};
	for (let index = 0; index < LEAF_COUNT; index++) {
		const group = document[`room${Math.floor(index / 10)}`] ??= {};
		group[`lamp${index % 10}`] = index % 2 === 0 ? index + 20 : index % 4 === 1;
	}
	return document;
}

/** One side at work; each method ends when its last answer has come. */
export interface Party {
	/** Connects, without a session, and gets the document. */
	begin(): Promise<void>;
	/** Connects again after the network was lost, and gets the document. */
	again(): Promise<void>;
	/** Does what the cloud desires, and says so. */
	follow(change: () => void): Promise<void>;
	report(state: object): Promise<void>;
	end(): Promise<void> | void;
}

type Context = Pick<TestContext, "after">;

export async function ours(context: Context, { aws: cloud }: RefereeCloud): Promise<Party> {
	const host = await makeHost(context, await cloud.manufacture(ID));
	const syncs = new Inbox<number>();
	let device!: Device;
	return {
		async begin() {
			device = new Device({
				host, cloud: aws({ reconnect: { base: 100, cap: 100 } }),
				onDelta(delta) { this.report(delta); },
				onSync(version) { syncs.put(version); },
			});
			await syncs.next();
		},
		async again() { await syncs.next(); },
		async follow(change) {
			change();
			await syncs.next();
		},
		async report(state) {
			device.report(state as JSONObject);
			await syncs.next();
		},
		end: () => device.close(),
	};
}

export async function theirs(_: Context, { aws: cloud }: RefereeCloud): Promise<Party> {
	const identity = await cloud.manufacture(ID);
	const sdk = new Sdk();
	const thing = { thingName: ID };
	const get = (): Promise<unknown> => sdk.request("shadow", "getShadow", thing);
	const report = (reported: object): Promise<unknown> => sdk.request("shadow", "updateShadow", { ...thing, state: { reported } });
	let deltas!: Inbox<{ state: object }>;
	return {
		async begin() {
			await sdk.connect(identity, { protocol: 5, resume: true });
			[deltas] = await Promise.all([sdk.open("shadow", "createShadowDeltaUpdatedStream", thing), get()]);
		},
		async again() {
			await sdk.reconnected();
			await get();
		},
		async follow(change) {
			change();
			await report((await deltas.next()).state);
		},
		async report(state) { await report(state); },
		end: () => sdk.end(),
	};
}

export function costOf(tapped: readonly Tapped[]): Cost {
	const cost = { toCloud: 0, toDevice: 0, roundTrips: 0 };
	const last = tapped.map(({ toCloud, packet }) => !toCloud && packet.cmd === "publish").lastIndexOf(true);
	let asked = false;
	for (const [index, { toCloud, packet, length }] of tapped.entries()) {
		if (toCloud) {
			cost.toCloud += length;
			// Nobody waits for an answer to an acknowledgement: there is none.
			asked ||= packet.cmd !== "puback";
		} else {
			cost.toDevice += length;
			if (asked && index <= last) cost.roundTrips++;
			asked = false;
		}
	}
	return cost;
}

// SPDX-License-Identifier: Apache-2.0
/**
 * A shadow beside a flood of logs, on a network that is slow and loses: how long a change takes to come back from the
 * device, and how many bytes of reports it sends in a minute.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { identityValues } from "../../hosts/simulator/identity.js";
import { CoAPWorldCloud, WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld } from "../../hosts/world/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Flood, ID, Reporter } from "./reporter.js";

const MINUTE = 60_000;
/** One way, ms; bytes in flight. A report takes more than two rounds on such a stream. */
const DELAY_LEAST = 150;
const DELAY_MOST = 350;
const WINDOW = 512;
const LOSS = 0.05;
const CHANGES = 30;
/** ms from one change to the next. */
const PAUSE = 7_000;

export interface Outcome {
	/** ms of each change until the cloud knew that the device has it. */
	readonly latencies: readonly number[];
	/** Bytes of reports that were sent in the fullest minute, and reports that the cloud has. */
	readonly most: number;
	readonly received: number;
}

/** A flood of which each batch is noted when it is sent. */
class NotedFlood extends Flood {
	readonly sent: { at: number; bytes: number }[] = [];

	override next(now: number): Uint8Array {
		const body = super.next(now);
		this.sent.push({ at: now, bytes: body.byteLength });
		return body;
	}
}

export function floodBeside(seed: number, scheme: string, isFlooded: boolean): Outcome {
	const world = createWorld({ seed, window: WINDOW });
	const cloud = scheme === "mqtts" ? new WorldCloud(world) : new CoAPWorldCloud(world);
	const identity = cloud.manufacture(ID);
	const endpoint = cloud instanceof CoAPWorldCloud ? cloud.endpointOf(scheme) : identity.endpoint;
	const flood = new NotedFlood(isFlooded ? Infinity : 0);
	world.network.delay(DELAY_LEAST, DELAY_MOST);
	const device = world.device({
		id: ID, storage: { identity: identityValues({ ...identity, endpoint }) },
		program: (host) => { new Reporter({ host, cloud: privateCloud(), sources: [flood] }); },
	});
	let received = 0;
	cloud.reports.onReport = () => { received++; };
	world.advance(2 * MINUTE);
	world.network.lose(LOSS);
	const latencies: number[] = [];
	for (let change = 1; change <= CHANGES; change++) {
		const since = world.clock.now;
		cloud.shadows.desire(ID, { change });
		world.run(() => cloud.shadows.get(ID).reported["change"] === change, { within: MINUTE });
		latencies.push(world.clock.now - since);
		world.advance(PAUSE);
	}
	if (device.crashes.length > 0) throw new Error(`seed ${seed}: crashed: ${String(device.crashes[0]!.error)}`);
	return { latencies, most: mostInAMinute(flood.sent), received };
}

function mostInAMinute(sent: readonly { at: number; bytes: number }[]): number {
	let most = 0;
	for (let first = 0; first < sent.length; first++) {
		let bytes = 0;
		for (let index = first; index < sent.length && sent[index]!.at < sent[first]!.at + MINUTE; index++) bytes += sent[index]!.bytes;
		most = Math.max(most, bytes);
	}
	return most;
}

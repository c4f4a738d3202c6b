// SPDX-License-Identifier: Apache-2.0
/**
 * Reports through five minutes of trouble, out of one seed, to any of the clouds: loss, flapping and half-open links,
 * restarts of the cloud, power cuts. Each is to arrive in its place, and to be told once, however often it was sent.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { goliothIdentityValues } from "../../hosts/simulator/clouds/golioth/identity.js";
import { GoliothWorldCloud } from "../../hosts/simulator/clouds/golioth/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import type { LogsReport, TracedMessage, TraceReport } from "../../hosts/simulator/services/report-body.js";
import type { ReportService } from "../../hosts/simulator/services/reports.js";
import { CoAPWorldCloud, WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { aws } from "../../src/clouds/aws/index.js";
import type { Cloud } from "../../src/clouds/cloud.js";
import { golioth } from "../../src/clouds/golioth/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { BYTES_PER_MINUTE_MINIMUM } from "../../src/operations/reports.js";
import { MessageTrace } from "../../src/operations/trace.js";
import { crypto } from "../../hosts/node/digest.js";
import { Flood, ID, Reporter } from "./reporter.js";

/** ms. */
const TROUBLE = 300_000;
const RECOVERY = 7_200_000;
const REPORTS = 25;
const LENGTH = 100;

export type Place = "mqtts" | "coap" | "oscore" | "coap+tcp" | "aws" | "golioth";

export interface Outcome {
	readonly fingerprint: string;
	readonly connections: number;
	readonly boots: number;
	/** Times that a report was sent, and that one was which the cloud had already. */
	readonly sent: number;
}

interface Served {
	readonly reports: ReportService;
	readonly cloud: Cloud;
	readonly identity: Record<string, Uint8Array>;
	/** The device is to change. */
	desire(change: number): void;
	restart(): void;
	start(): void;
}

/** Counts how often the cloud was to be told. */
class CountedFlood extends Flood {
	sent = 0;

	override next(now: number): Uint8Array {
		this.sent++;
		return super.next(now);
	}
}

/** @throws Error that names the seed, when anything is not as it should be */
export function reportsArrive(seed: number, place: Place, length = LENGTH): Outcome {
	const world = worldOf(seed, place);
	const served = serve(world, place);
	const flood = new CountedFlood(REPORTS, length);
	const numbers: number[] = [];
	served.reports.onReport = (_device, _kind, report) => {
		for (const [number] of (report as LogsReport).records) numbers.push(number);
	};
	let connections = 0;
	let reporter: Reporter | undefined;
	const device = world.device({
		id: ID, storage: { identity: served.identity },
		program: (host) => {
			connections += reporter?.connections ?? 0;
			reporter = new Reporter({
				host, cloud: served.cloud, sources: [flood], bytesPerMinute: BYTES_PER_MINUTE_MINIMUM,
				onFault: ({ code, message }) => { if (code !== "rejected" && code !== "timeout") throw new Error(message); },
			});
		},
	});
	const end = makeTrouble(world, served);
	world.advance(TROUBLE);
	end();
	world.run(() => flood.has === REPORTS, { within: RECOVERY });
	const expected = Array.from({ length: REPORTS }, (_, index) => index + 1);
	if (numbers.join() !== expected.join()) throw new Error(`seed ${seed}: the cloud was told ${numbers.join()}`);
	if (device.crashes.length > 0) throw new Error(`seed ${seed}: crashed: ${String(device.crashes[0]!.error)}`);
	connections += reporter?.connections ?? 0;
	return { fingerprint: world.fingerprint, connections, boots: device.boots, sent: flood.sent };
}

/** A trace of what passed while the cloud desired a few changes, beside logs that are told all the while. */
export function traceIsUploaded(seed: number, place: Place): { messages: readonly TracedMessage[]; isOver: boolean } {
	const world = worldOf(seed, place);
	const served = serve(world, place);
	const messages: TracedMessage[] = [];
	let traced: MessageTrace | undefined;
	served.reports.onReport = (_device, kind, report) => {
		if (kind === "trace") messages.push(...(report as TraceReport).messages);
	};
	const device = world.device({
		id: ID, storage: { identity: served.identity },
		program: (host) => {
			const trace: MessageTrace = traced = new MessageTrace(host, 1, { content: 16, onTurn: () => { reporter.onTurn(); } });
			const reporter = new Reporter({ host, cloud: served.cloud, sources: [new Flood(), trace], tracer: trace });
			trace.start(TROUBLE);
		},
	});
	for (let change = 1; change <= 5; change++) {
		world.advance(10_000);
		served.desire(change);
	}
	world.advance(10_000);
	traced!.upload();
	world.run(() => traced!.deadline === Infinity, { within: TROUBLE });
	const { length } = messages;
	world.advance(60_000);
	if (device.crashes.length > 0) throw new Error(`seed ${seed}: crashed: ${String(device.crashes[0]!.error)}`);
	return { messages, isOver: messages.length === length };
}

function worldOf(seed: number, place: Place): World {
	return createWorld(place === "oscore" ? { seed, cipher: crypto, digest: (algorithm) => crypto.digest(algorithm) } : { seed });
}

function serve(world: World, place: Place): Served {
	if (place === "aws") {
		const cloud = new AwsWorldCloud(world, { limits: { connectsPerSecond: Infinity } });
		return { ...common(world, cloud), reports: cloud.reports, cloud: aws(), desire: (change) => { cloud.shadows.update(ID, { desired: { change } }); }, identity: identityValues(cloud.manufacture(ID)) };
	}
	if (place === "golioth") {
		const cloud = new GoliothWorldCloud(world);
		return { ...common(world, cloud), reports: cloud.reports, cloud: golioth({ keepAlive: 30_000 }), desire: (change) => { cloud.state.set(ID, "desired/change", change); }, identity: goliothIdentityValues(cloud.manufacture(ID)) };
	}
	const cloud = place === "mqtts" ? new WorldCloud(world) : new CoAPWorldCloud(world);
	const identity = cloud.manufacture(ID);
	const endpoint = cloud instanceof CoAPWorldCloud ? cloud.endpointOf(place === "oscore" ? "coap" : place) : identity.endpoint;
	const context = place === "oscore" && cloud instanceof CoAPWorldCloud ? { oscore: cloud.coap.contexts.issue(ID) } : {};
	return {
		...common(world, cloud), reports: cloud.reports, cloud: privateCloud({ keepAlive: 30_000, format: world.random.chance(0.5) ? "cbor" : "json" }),
		desire: (change) => { cloud.shadows.desire(ID, { change }); },
		identity: identityValues({ ...identity, endpoint, ...context }),
	};
}

interface Restarted {
	restart(downtime: number, options: { forget: boolean }): void;
	start(): void;
}

function common({ random }: World, cloud: Restarted): Pick<Served, "restart" | "start"> {
	return {
		restart: () => { cloud.restart(random.between(100, 60_000), { forget: random.chance(0.5) }); },
		start: () => { cloud.start(); },
	};
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble(world: World, served: Served): () => void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 400));
	network.lose(random.chance(0.5) ? random.between(0, 30) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const calmLink = random.chance(0.6)
		? network.flap({ up: [1_000, random.between(5_000, 60_000)], down: [100, random.between(1_000, 30_000)], kill: 0.5 })
		: () => {};
	const at = (probability: number, action: () => void) => {
		if (random.chance(probability)) timer.set(action, random.between(0, TROUBLE - 1));
	};
	for (let index = 0; index < 6; index++) {
		at(0.5, served.restart);
		at(0.5, () => network.halfOpen());
		at(0.5, () => network.reset());
		at(0.5, () => devices[0]!.cutPower());
	}
	return () => {
		calmLink();
		network.calm();
		served.start();
	};
}

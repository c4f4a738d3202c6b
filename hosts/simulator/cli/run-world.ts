// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a program in a world of its own, with a cloud in it: an hour takes a moment, and a seed repeats it bit for bit.
 *
 * The program is one function, called at every boot with the host of that boot. It shares the globals of this process:
 * one that asks `Date` or `Math.random` instead of its host has a different run each time.
 */
import { setImmediate as breathe } from "node:timers/promises";
import { compileFunction } from "node:vm";
import { toDeviceError } from "../../../src/base/error.js";
import type { Host } from "../../../src/host.js";
import { crypto } from "../../node/digest.js";
import { FUNCTION_PARAMETER, Recorder, RecordingFile } from "../../record/index.js";
import { createWorld, type Device, type World, type WorldEvent } from "../../world/index.js";
import { IDENTITY_DOMAIN, identityValues, type DeviceIdentity } from "../identity.js";
import { CoAPWorldCloud, WorldCloud } from "../world.js";
import { bundle } from "./bundle.js";
import { follow } from "./follow.js";
import { nameOf } from "./program.js";
import { beginRecording, sayRecording } from "./recording.js";
import type { Run } from "./run.js";
import { wayOf, type Protocol } from "./schemes.js";

const HOUR = 3_600_000;
/** Virtual ms between two looks at whether Ctrl-C was pressed. */
const SLICE = 10_000;

export async function runWorld({ file, options, output, stopped }: Run): Promise<void> {
	const script = await bundle(file, { format: "iife", host: `export default ${FUNCTION_PARAMETER};`, sourceMap: options.record === undefined });
	const recording = options.record === undefined ? undefined : await beginRecording(options.record);
	const recorded = recording === undefined ? undefined : new RecordingFile(recording);
	let recorder: Recorder | undefined;
	const evaluate = compile(script, file), program = (host: Host): void => {
		recorder = recorded && new Recorder({ file: recorded, host, program: script, form: "function" });
		evaluate(recorder?.host ?? host);
	};
	const world = createWorld({ seed: options.seed ?? 1, digest: algorithm => crypto.digest(algorithm), cipher: crypto });
	const id = options.id ?? nameOf(file);
	const { cloud, identity } = found(world, id, options.protocol);
	const storage = { [IDENTITY_DOMAIN]: identityValues(identity) };
	const say = (event: string, text: string, fields: object): void => {
		output.say(event, { time: world.clock.now, ...fields }, `${String(world.clock.now).padStart(9)} ms  ${text}`);
	};
	follow(cloud, (event, fields, text) => say(event, `cloud: ${text}`, fields));
	world.log.onEvent = ({ kind, text }: WorldEvent) => { if (kind === "trace") say("trace", text, { line: text }); };
	const device = world.device({ id, program, storage });
	for (const end = options.for ?? HOUR; world.clock.now < end && !stopped.aborted; ) {
		world.run(Math.min(world.clock.now + SLICE, end));
		check(device);
		await breathe();
	}
	if (device.running) recorder?.end("stopped");
	if (recording !== undefined) await sayRecording(recording, output);
	const { now } = world.clock, { fingerprint, seed } = world;
	output.say("fingerprint", { seed, time: now, fingerprint }, `seed ${seed}, ${now} ms: fingerprint ${fingerprint}`);
}

function found(world: World, id: string, protocol: Protocol): { cloud: WorldCloud; identity: DeviceIdentity } {
	if (protocol === "mqtts") {
		const cloud = new WorldCloud(world);
		return { cloud, identity: cloud.manufacture(id) };
	}
	const cloud = new CoAPWorldCloud(world), identity = { ...cloud.manufacture(id), endpoint: cloud.endpointOf(protocol) };
	return { cloud, identity: wayOf(protocol).isPlain ? { ...identity, oscore: cloud.coap.contexts.issue(id) } : identity };
}

function compile(script: string, file: string): (host: Host) => void {
	return compileFunction(script, [FUNCTION_PARAMETER], { filename: file }) as (host: Host) => void;
}

/** @throws DeviceError for the first exception that left the program */
function check({ crashes, id }: Device): void {
	const [crash] = crashes;
	if (crash !== undefined) throw toDeviceError(crash.error, "internal", `the program of ${id} crashed at ${crash.time} ms`);
}

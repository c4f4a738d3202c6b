// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: a lamp of ten fields, in sync and idle, with one part of what there is for its operation, or with all of
 * it; then that part at work for long. Word 1 says which.
 */
import { command, Device, model, number, string, type DeviceOptions } from "moorline";
import { privateCloud } from "moorline/clouds/private";
import { native } from "../../hosts/xs/native.js";
import type { OperatedSubject } from "./figures.js";
import host from "./xs-host.js";
import { TEN } from "./xs-model.js";

/** Records and counts: so many at a time, so often, ms apart; from so many ms on. */
const BURST = 1_000;
const BURSTS = 100;
const PACE = 10;
const BEGIN = 2_000;
const BLINK = model({ times: number() });
const CONFIGURATION = model({ interval: number(), mode: string() });
const subject = native.argument(1) as OperatedSubject;
const everything = subject === "all";
const has = (part: OperatedSubject): boolean => everything || subject === part;

const options: Partial<DeviceOptions<typeof TEN>> = {};
if (has("commands")) {
	options.commands = {
		blink: command({ parameters: BLINK, handler: (call) => call.succeed() }),
		dim: command({ parameters: BLINK, handler: (call) => call.succeed() }),
	};
}
if (has("log")) options.log = { flash: { partition: "state", level: "warning" } };
if (has("heartbeat")) options.heartbeat = {};
if (has("trace")) options.trace = { content: 64 };

let ready = false;
const device = new Device({
	host, cloud: privateCloud(), model: TEN,
	onDelta: (delta) => device.report(delta),
	onSync() {
		if (!ready) host.trace("ready");
		ready = true;
	},
	...options,
});
device.report({
	on: false, brightness: 70, starts: 1, interval: 60, name: "attic", colour: { hue: 30, saturation: 80 },
	limits: { current: 2, temperature: 60, power: 40 },
});
if (has("configuration")) {
	const configuration = device.configure({ model: CONFIGURATION, initial: { interval: 60 }, onConfigure() {} });
	(globalThis as { configuration?: unknown }).configuration = configuration;
}
const log = has("log") ? device.log("lamp") : undefined;
const counter = has("heartbeat") ? device.metrics.counter("switches") : undefined;

/** Not all at once: what is limited by the minute is to be more than the first of it. */
function work(left: number): void {
	for (let index = 0; index < BURST; index++) {
		log?.warning("switched", { index });
		counter?.add();
	}
	if (left > 0) host.timer.set(() => work(left - 1), PACE);
	else host.trace("ready");
}

if (log !== undefined || counter !== undefined) host.timer.set(() => work(BURSTS), BEGIN);

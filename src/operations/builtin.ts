// SPDX-License-Identifier: Apache-2.0
/** The commands that every device has, unless its program switches them off. */
import type { DeviceError } from "../base/error.js";
import type { Firmware } from "../base/firmware.js";
import type { JSONObject } from "../bytes/value.js";
import type { Heap, Host } from "../host.js";
import { list, model, number, string, type Model } from "../shadow/model.js";
import { brief, messageOf, Reason, type Call, type CallOwner } from "./declared.js";
import type { ReportKind } from "./report.js";
import { OPERATIONS } from "./shelf.js";

/** What may do harm to a device at a bad time. */
export type Hazardous = "restart" | "rollback";

/** What built-in commands act through. */
export interface BuiltInOwner extends CallOwner {
	readonly host: Host;
	readonly firmware: Firmware | undefined;
	/** The number of this boot. */
	readonly boot: number;
	/** Connections in this run. */
	readonly connections: number;
	/** Levels of the modules whose own were set, by their names; "" is that of all others. */
	levels(): JSONObject;
	/**
	 * @param module "" for all that have none of their own @param duration ms that it is so
	 * @throws DeviceError `argument`, `full`, `unsupported`
	 */
	setLevel(module: string, level: string, duration: number): void;
	/**
	 * Records the messages that pass for so many ms, or none any more.
	 * @throws DeviceError `argument`, `unsupported`
	 */
	record(duration: number): void;
	/** Has reports of these kinds sent now. @throws DeviceError `unsupported` for one that the device does not have */
	send(kinds: readonly ReportKind[]): void;
	/** Makes durable what the log has not committed yet. */
	flush(): void;
	/** Flash partitions that the device works with. */
	readonly partitions: readonly string[];
	/** Why it would do harm to restart the device now, or to go back to the image before; `undefined`: it would not. */
	hazard(action: Hazardous): string | undefined;
	/** Boots the image before. Does not return. @throws DeviceError `state`, `storage` */
	revert(): void;
	/** The program's own test: what it returns is told, what it throws says what is wrong. */
	selfTest(): object | void;
}

export interface BuiltIn {
	readonly parameters: Model;
	/** As of a declaration. */
	readonly resumes: boolean;
	act(owner: BuiltInOwner, call: Call<any, any>): void;
}

/** What a program makes of a built-in command: "signed", only in an envelope; false: there is none. */
export type BuiltInPolicy = "signed" | false;
export type BuiltInName =
	| "ping" | "info" | "restart" | "report" | "log-level" | "trace" | "rollback" | "self-test";

/** ms until what was said of a rollback is written down, and until the boot after a power cut went on with it. */
const REVERT_DELAY = 100;
const RESUMPTION_DELAY = 10_000;
/** s that a level is set for: if nobody says, and the most. */
const LEVEL_DURATION = 600;
const LEVEL_DURATION_MAXIMUM = 86_400;
const KINDS: readonly ReportKind[] = Object.freeze(["logs", "metrics", "crash", "trace"]);
/** s that messages are recorded for, at most. */
const TRACE_DURATION_MAXIMUM = 3_600;
const NOTHING = model({});
const REPORT = model({ kinds: list<string, true>({ optional: true }) });
const LOG_LEVEL = model({
	module: string({ optional: true }), level: string(), seconds: number({ optional: true }),
});
const TRACE = model({ seconds: number() });

function ping(_owner: BuiltInOwner, call: Call): void {
	call.succeed();
}

function info(owner: BuiltInOwner, call: Call): void {
	const { host, firmware, boot, connections } = owner;
	const { system, time } = host;
	const result: JSONObject = {
		boot, connections, uptime: Math.floor(time.now() / 1_000), reset: system.resetReason, levels: owner.levels(),
	};
	if (firmware !== undefined) {
		result["product"] = firmware.product;
		result["version"] = firmware.version;
	}
	const heap = system.heap();
	if (heap !== undefined) result["heap"] = heapOf(heap);
	call.succeed(result);
}

function restart(owner: BuiltInOwner, call: Call): void {
	const { host } = owner;
	const hazard = owner.hazard("restart");
	if (hazard !== undefined) return call.reject(Reason.UNSAFE, hazard);
	call.succeedAfterRestart();
	// In a turn of its own: what others have to write down is written.
	host.timer.set(() => {
		owner.flush();
		host.system.restart();
	}, 0);
}

/** That it was done is told by the version that runs after a reset, whatever came in between. */
function rollback(owner: BuiltInOwner, call: Call): void {
	const { host: { images, timer }, firmware } = owner;
	if (images === undefined) return call.reject(Reason.UNSUPPORTED, "there is one image alone");
	if (firmware === undefined) return call.reject(Reason.UNSUPPORTED, "the firmware has no version to tell it by");
	if (!call.resumed) return revert(owner, call);
	const { checkpoint = firmware.version } = call;
	if (firmware.version !== checkpoint) return call.succeed();
	// The power failed in it. An update's record may go on with it by itself.
	timer.set(() => {
		if (!call.isOver) revert(owner, call);
	}, RESUMPTION_DELAY);
}

function revert(owner: BuiltInOwner, call: Call): void {
	const { host, firmware } = owner;
	const hazard = owner.hazard("rollback");
	if (hazard !== undefined) return call.reject(Reason.UNSAFE, hazard);
	if (!host.images!.canRevert) return call.reject(Reason.UNSAFE, "there is no image before that could boot");
	call.progress(undefined, undefined, firmware!.version);
	host.timer.set(() => owner.revert(), REVERT_DELAY);
}

function report(owner: BuiltInOwner, call: Call<typeof REPORT>): void {
	const kinds = call.parameters.kinds ?? KINDS;
	for (const kind of kinds) {
		if (!KINDS.includes(kind as ReportKind)) return call.reject(Reason.BAD_PARAMETERS, "no kind of report");
	}
	owner.send(kinds as readonly ReportKind[]);
	call.succeed();
}

function logLevel(owner: BuiltInOwner, call: Call<typeof LOG_LEVEL>): void {
	const { module = "", level, seconds = LEVEL_DURATION } = call.parameters;
	if (!(seconds > 0 && seconds <= LEVEL_DURATION_MAXIMUM)) {
		return call.reject(Reason.BAD_PARAMETERS, `seconds is not within 1 to ${LEVEL_DURATION_MAXIMUM}`);
	}
	owner.setLevel(module, level, seconds * 1_000);
	call.succeed({ levels: owner.levels() });
}

function trace(owner: BuiltInOwner, call: Call<typeof TRACE>): void {
	const { seconds } = call.parameters;
	if (!(seconds >= 0 && seconds <= TRACE_DURATION_MAXIMUM)) {
		return call.reject(Reason.BAD_PARAMETERS, `seconds is not within 0 to ${TRACE_DURATION_MAXIMUM}`);
	}
	owner.record(seconds * 1_000);
	call.succeed();
}

function selfTest(owner: BuiltInOwner, call: Call): void {
	const result: JSONObject = {};
	let part = "storage";
	try {
		owner.host.storage.open({ path: OPERATIONS }).close();
		for (const path of owner.partitions) {
			part = path;
			owner.host.flash.open({ path }).close();
		}
		part = "program";
		const told = owner.selfTest();
		if (told !== undefined) result["program"] = told as JSONObject;
	} catch (error) {
		return call.fail(Reason.SELF_TEST, brief(`${part}: ${messageOf(error)}`));
	}
	const heap = owner.host.system.heap();
	if (heap !== undefined) result["heap"] = heapOf(heap);
	call.succeed(result);
}

function heapOf(heap: Heap): JSONObject {
	const members: JSONObject = {};
	for (const name of Object.keys(heap) as (keyof Heap)[]) {
		const value = heap[name];
		if (value !== undefined) members[name] = value;
	}
	return members;
}

/** For what the device throws: it was asked for what cannot be. @returns false when that is not why */
export function refuse(call: Call<any, any>, error: unknown): boolean {
	const { code, message } = error as Partial<DeviceError>;
	const reason = code === "argument" ? Reason.BAD_PARAMETERS : code === "unsupported" ? Reason.UNSUPPORTED : "";
	if (reason !== "") call.reject(reason, brief(message!));
	return reason !== "";
}

function builtIn(parameters: Model, act: BuiltIn["act"], resumes = false): BuiltIn {
	return Object.freeze({ parameters, resumes, act });
}

/** By their names. */
export const BUILT_INS: Readonly<Record<BuiltInName, BuiltIn>> = Object.freeze({
	ping: builtIn(NOTHING, ping),
	info: builtIn(NOTHING, info),
	restart: builtIn(NOTHING, restart),
	report: builtIn(REPORT, report),
	"log-level": builtIn(LOG_LEVEL, logLevel),
	trace: builtIn(TRACE, trace),
	rollback: builtIn(NOTHING, rollback, true),
	"self-test": builtIn(NOTHING, selfTest),
});

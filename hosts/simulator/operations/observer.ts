// SPDX-License-Identifier: Apache-2.0
/**
 * What happens in a cloud, in the same words whichever it is, for whoever keeps it or counts it.
 *
 * Clouds tell of it by callbacks that belong to the program; they are overheard, and stay the program's.
 */
import type { ReportKind } from "../../../src/operations/report.js";
import { OPERATOR_ID } from "../backend.js";
import type { AwsServices } from "../clouds/aws/services.js";
import type { AwsShadows } from "../clouds/aws/shadow.js";
import type { CommandService } from "../services/commands.js";
import type { JobService } from "../services/jobs.js";
import { isObject, parseJson, type JsonObject, type JsonValue } from "../services/json.js";
import type { ReportBody } from "../services/report-body.js";
import type { ReportService } from "../services/reports.js";
import type { Registry } from "../services/registry.js";
import { isDeviceId } from "../services/registry.js";
import type { ShadowService } from "../services/shadow.js";

/** Characters. */
const WORD_MAXIMUM = 64;

/** A shadow after a change; without sections when it was deleted. */
export interface ObservedShadow {
	/** "" for the device's own. */
	readonly name: string;
	readonly version: number;
	readonly desired: JsonObject;
	readonly reported: JsonObject;
}

export interface ObservedCommand {
	readonly id: string;
	readonly status: string;
	/** Absent: as it was told before. */
	readonly payload?: JsonValue | undefined;
	readonly reason?: string | undefined;
	readonly description?: string | undefined;
	readonly result?: unknown;
}

export interface ObservedJob {
	readonly id: string;
	/** Of the try. */
	readonly number: number;
	readonly status: string;
	readonly details?: object | undefined;
}

export interface ObservedMessage {
	/** By the device; otherwise to it. */
	readonly sent: boolean;
	/** Topic, or path. */
	readonly topic: string;
	readonly payload: Uint8Array;
}

export interface Observer {
	presence(device: string, online: boolean): void;
	/** What a device says of its firmware. */
	firmware(device: string, product: string | undefined, version: string | undefined): void;
	shadow(device: string, shadow: ObservedShadow): void;
	command(device: string, command: ObservedCommand): void;
	job(device: string, job: ObservedJob): void;
	report(device: string, kind: ReportKind, report: ReportBody): void;
	/** Numbers that came otherwise than in a report of ours. */
	metrics(device: string, number: number, gauges: Readonly<Record<string, number>>): void;
	message(device: string, message: ObservedMessage): void;
}

/** What both clouds tell of messages. */
export interface MessageTeller {
	onMessage: ((device: string, sent: boolean, topic: string, payload: Uint8Array) => void) | undefined;
}

export interface PrivateTeller extends MessageTeller {
	onStatus: ((device: string, payload: Uint8Array) => void) | undefined;
}

export interface ObservedPrivateCloud {
	readonly registry: Registry;
	readonly shadows: ShadowService;
	readonly commands: CommandService;
	readonly jobs: JobService;
	readonly reports: ReportService;
}

export interface ObservedAwsCloud {
	readonly registry: Registry;
	readonly shadows: AwsShadows;
	readonly services: AwsServices;
	readonly reports: ReportService;
}

export function observePrivate(cloud: ObservedPrivateCloud, teller: PrivateTeller, observer: Observer): void {
	observeBroker(cloud.registry, teller, observer);
	overhear(teller, "onStatus", (device, payload) => {
		const status = statusIn(payload);
		if (status === undefined || !isDeviceId(device)) return;
		const { product, version } = status;
		observer.firmware(device, wordOf(product), wordOf(version));
	});
	overhear(cloud.shadows, "onChanged", (id, { version, desired, reported }, _changed, name) => {
		observer.shadow(id, { name, version, desired, reported });
	});
	overhear(cloud.commands, "onChanged", (device, command) => { observer.command(device, command); });
	overhear(cloud.jobs, "onChanged", (device, job) => { observer.job(device, job); });
	overhear(cloud.reports, "onReport", (device, kind, report) => { observer.report(device, kind, report); });
}

export function observeAws(cloud: ObservedAwsCloud, teller: MessageTeller, observer: Observer): void {
	observeBroker(cloud.registry, teller, observer);
	overhear(cloud.shadows, "onChanged", ({ thing, name = "" }, document) => {
		observer.shadow(thing, { name, version: document?.version ?? 0, desired: document?.state.desired ?? {}, reported: document?.state.reported ?? {} });
	});
	overhear(cloud.reports, "onReport", (device, kind, report) => { observer.report(device, kind, report); });
	const { commands, jobs, defender } = cloud.services;
	overhear(commands, "onChanged", ({ target, executionId: id, status, statusReason, result }) => {
		const [, device = ""] = target.split("/");
		observer.command(device, { id, status, reason: statusReason?.reasonCode, description: statusReason?.reasonDescription, result });
	});
	overhear(jobs, "onChanged", (device, { jobId: id, executionNumber: number, status, statusDetails: details }) => {
		observer.job(device, { id, number, status, details });
	});
	overhear(defender, "onReport", (device, { reportId: number, metrics, customMetrics }) => {
		observer.metrics(device, number, numbersIn({ ...networkOf(metrics), ...customMetrics }));
	});
}

/** Device Defender's own metrics, but for lists. */
function networkOf({ network_stats: network }: { network_stats?: object }): object {
	return network ?? {};
}

function numbersIn(metrics: object): Record<string, number> {
	return Object.fromEntries(Object.entries(metrics).filter(([, value]) => typeof value === "number"));
}

function observeBroker(registry: Registry, teller: MessageTeller, observer: Observer): void {
	overhear(registry, "onChanged", ({ id, online }) => { if (id !== OPERATOR_ID) observer.presence(id, online); });
	overhear(teller, "onMessage", (device, sent, topic, payload) => { if (device !== OPERATOR_ID) observer.message(device, { sent, topic, payload }); });
}

type Callbacks<Target> = { [Name in keyof Target]-?: NonNullable<Target[Name]> extends (...values: never[]) => void ? Name : never }[keyof Target];
type Parameters<Callback> = NonNullable<Callback> extends (...values: infer Values) => void ? Values : never;

/** Hears what a callback of `target` is told, before whoever it belongs to: the program sets it as if nobody else listened. */
function overhear<Target extends object, Name extends Callbacks<Target>>(target: Target, name: Name, listen: (...values: Parameters<Target[Name]>) => void): void {
	type Callback = ((...values: Parameters<Target[Name]>) => void) | undefined;
	let theirs = target[name] as Callback;
	const heard = (...values: Parameters<Target[Name]>): void => {
		listen(...values);
		theirs?.(...values);
	};
	Object.defineProperty(target, name, { get: () => heard, set: (callback: Callback) => { theirs = callback; }, configurable: true, enumerable: true });
}

/** As much as is kept of it for every device. */
function wordOf(value: unknown): string | undefined {
	return typeof value === "string" ? value.slice(0, WORD_MAXIMUM) : undefined;
}

/** `undefined` for what says nothing: anybody may write anything to a foreign broker. */
function statusIn(payload: Uint8Array): JsonObject | undefined {
	try {
		const status = parseJson(payload);
		return isObject(status) && status["online"] === true ? status : undefined;
	} catch {
		return undefined;
	}
}

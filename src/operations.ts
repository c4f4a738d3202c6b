// SPDX-License-Identifier: Apache-2.0
/**
 * The operation of a device: commands that are declared, and what the device tells of itself: logs, heartbeats, crashes
 * and the messages that passed.
 *
 * Each part is there where the program asks for it, and costs nothing where it does not.
 */
import { DeviceError } from "./base/error.js";
import type { Firmware } from "./base/firmware.js";
import { Traffic } from "./base/traffic.js";
import type { JSONObject } from "./bytes/value.js";
import type { Host } from "./host.js";
import { countBoot } from "./operations/boot.js";
import type { BuiltInOwner, Hazardous } from "./operations/builtin.js";
import { Crashes } from "./operations/crashes.js";
import { Handlers, type HandlersOptions } from "./operations/handlers.js";
import { Heartbeat } from "./operations/heartbeat.js";
import type { LogLevel } from "./operations/log-level.js";
import { Log, type LogOptions } from "./operations/log.js";
import { Meters } from "./operations/meters.js";
import type { ReportKind } from "./operations/report.js";
import { Reports, type ReportsOptions } from "./operations/reports.js";
import { MessageTrace, type MessageTraceOptions } from "./operations/trace.js";
import { Vital, Vitals, type UpdateState } from "./operations/vitals.js";
import { countingHost, Wear } from "./operations/wear.js";

/** What a program sets for operations; `Self` is what the callbacks find as `this`. */
export interface OperationsHandlers<Self, Parameters = any> extends HandlersOptions<Parameters> {
	/** The program's part of the command `self-test`: what it returns is told, what it throws says what is wrong. */
	selfTest?(this: Self): object | void;
	/** `device.log` writes to it, and it goes to the cloud. */
	log?: LogOptions | undefined;
	/** What is counted and measured, `device.metrics` included, goes to the cloud once in a period. */
	heartbeat?: HeartbeatHandlers<Self> | undefined;
	/** What the device died of goes to the cloud when it is back. Default: where there is a log or a heartbeat. */
	crashReports?: boolean | undefined;
	/** Messages can be recorded, for a time and once somebody asks for it, with the command `trace`. */
	trace?: Omit<MessageTraceOptions, "onTurn"> | undefined;
	/** How much of the connection all this may take. */
	reports?: Omit<ReportsOptions, "prefix"> | undefined;
}

export interface HeartbeatHandlers<Self> {
	/** ms. Default: an hour. */
	period?: number | undefined;
	/** Percent that the battery has. */
	battery?(this: Self): number | undefined;
}

/** What operations ask of the device. */
export interface OperationsOwner {
	readonly id: string;
	readonly firmware: Firmware | undefined;
	/** Begins the tokens of this boot. */
	readonly prefix: string;
	readonly updateState: UpdateState;
	/** Why it would do harm; `undefined`: it would not. */
	hazard(action: Hazardous): string | undefined;
	/** Boots the image before. */
	revert(): void;
	onTurn(): void;
	onError(error: DeviceError): void;
	onFault(error: DeviceError): void;
}

export class Operations implements BuiltInOwner {
	/** As all parts of the device are to use it: where somebody wants to know, what wears the flash out is counted. */
	readonly host: Host;
	readonly boot: number;
	readonly vitals: Vitals;
	readonly handlers: Handlers;
	/** There where something is told of the device, as the following. */
	reports: Reports | undefined;
	log: Log | undefined;
	trace: MessageTrace | undefined;
	readonly meters: Meters | undefined;
	readonly traffic: Traffic | undefined;
	/** Connections in this run. */
	connections = 0;
	readonly #owner: OperationsOwner;
	readonly #options: OperationsHandlers<unknown>;
	readonly #self: unknown;
	readonly #wear: Wear | undefined;
	#crashes: Crashes | undefined;
	#heartbeat: Heartbeat | undefined;

	/** @throws DeviceError `argument`, `storage` */
	constructor(host: Host, owner: OperationsOwner, options: OperationsHandlers<unknown>, self: unknown) {
		const { heartbeat } = options;
		this.#owner = owner;
		this.#options = options;
		this.#self = self;
		this.#wear = heartbeat && new Wear();
		this.host = this.#wear === undefined ? host : countingHost(host, this.#wear);
		if (heartbeat !== undefined) {
			this.meters = new Meters();
			this.traffic = new Traffic();
		}
		this.boot = countBoot(this.host.storage, (error) => owner.onFault(error));
		this.vitals = new Vitals(this.host, this.boot);
		this.handlers = new Handlers(this, options);
	}

	/**
	 * Takes up what the run before left: once, and not from the constructor, as that takes some stack.
	 * @throws DeviceError `argument`, `storage`
	 */
	open(): void {
		const { host, boot, meters, traffic } = this;
		const { log, heartbeat, trace, crashReports = log !== undefined || heartbeat !== undefined } = this.#options;
		const owner = this.#owner;
		if (log !== undefined) this.log = new Log(host, boot, log, this);
		if (crashReports) {
			this.#crashes = new Crashes({
				host, boot, firmware: owner.firmware, vitals: this.vitals.last, logs: this.log?.previous(),
				onFault: (error) => owner.onFault(error),
			});
		}
		if (heartbeat !== undefined) {
			this.#heartbeat = new Heartbeat({
				host, boot, period: heartbeat.period, crashes: this.#crashes?.total ?? 0, meters: meters!,
				traffic: traffic!, wear: this.#wear!, battery: () => heartbeat.battery?.call(this.#self),
				onFault: (error) => owner.onFault(error),
			});
		}
		if (trace !== undefined) this.trace = new MessageTrace(host, boot, { ...trace, onTurn: () => owner.onTurn() });
		const sources = [this.#crashes, this.#heartbeat?.beats, this.log, this.trace];
		if (sources.every((source) => source === undefined)) return;
		const reports = this.reports = new Reports(this, { ...this.#options.reports, prefix: owner.prefix });
		for (const source of sources) if (source !== undefined) reports.add(source);
	}

	get id(): string {
		return this.#owner.id;
	}

	get firmware(): Firmware | undefined {
		return this.#owner.firmware;
	}

	get partitions(): readonly string[] {
		const flash = this.#options.log?.flash;
		return flash === undefined ? [] : [flash.partition];
	}

	get consecutiveCrashes(): number {
		return this.#crashes?.consecutive ?? 0;
	}

	/** For the turns of the device, beside `reports`. */
	get deadline(): number {
		return Math.min(this.#heartbeat?.deadline ?? Infinity, this.#crashes?.steadyAt ?? Infinity);
	}

	expire(now: number): void {
		this.#heartbeat?.expire(now);
		this.#crashes?.steady(now);
	}

	connected(): void {
		this.connections++;
		this.vitals.set(Vital.CONNECTED, 1);
	}

	disconnected(): void {
		this.vitals.set(Vital.CONNECTED, 0);
	}

	/** What there is to know is written where a reset leaves it. */
	sample(now: number, inSync: boolean): void {
		const { vitals } = this;
		vitals.set(Vital.IN_SYNC, inSync ? 1 : 0);
		vitals.set(Vital.UPDATE, this.#owner.updateState);
		const queue = this.traffic?.queue;
		if (queue !== undefined) vitals.set(Vital.QUEUE, queue.queued);
		vitals.sample(now);
	}

	levels(): JSONObject {
		return this.log?.levels() ?? {};
	}

	setLevel(module: string, level: string, duration: number): void {
		if (this.log === undefined) throw new DeviceError("unsupported", "this device has no log");
		this.log.setLevel(module === "" ? undefined : module, level as LogLevel, duration);
	}

	record(duration: number): void {
		const { trace } = this;
		if (trace === undefined) throw new DeviceError("unsupported", "this device records no messages");
		if (duration > 0) trace.start(duration);
		else trace.stop();
	}

	send(kinds: readonly ReportKind[]): void {
		if (kinds.includes("logs")) this.log?.upload();
		if (kinds.includes("trace")) this.trace?.upload();
		if (kinds.includes("metrics")) this.#heartbeat?.end(this.host.time.now());
		this.#owner.onTurn();
	}

	hazard(action: Hazardous): string | undefined {
		return this.#owner.hazard(action);
	}

	revert(): void {
		this.#owner.revert();
	}

	selfTest(): object | void {
		return this.#options.selfTest?.call(this.#self);
	}

	flush(): void {
		this.log?.flush();
	}

	onReport(): void {
		this.#owner.onTurn();
	}

	onError(error: DeviceError): void {
		this.#owner.onError(error);
	}

	close(): void {
		this.handlers.close();
		this.log?.close();
	}
}

// SPDX-License-Identifier: Apache-2.0
/** A device as its program sees it: what it is made from, what it is asked for, and what it tells. */
import { DeviceError } from "./base/error.js";
import type { Firmware } from "./base/firmware.js";
import type { JSONObject } from "./bytes/value.js";
import type { Cloud, PublishOptions } from "./clouds/cloud.js";
import { Core } from "./core.js";
import type { Host } from "./host.js";
import type { ProvisioningOptions } from "./identity/provisioning.js";
import type { Command } from "./operations/command.js";
import type { Configuration, ConfigurationHandlers } from "./operations/configuration.js";
import type { Logger } from "./operations/logger.js";
import type { Meters } from "./operations/meters.js";
import type { Job } from "./operations/jobs.js";
import type { MetricsReport } from "./operations/metrics.js";
import type { OperationsHandlers } from "./operations.js";
import type { DownloadCallbacks, DownloadOptions } from "./ota/download.js";
import type { InstalledComponent } from "./ota/record.js";
import { slotName } from "./ota/slots.js";
import type { OpenDownload } from "./ota/stream-source.js";
import type { Document, Model, Patch } from "./shadow/model.js";
import type { Shadow } from "./shadow/shadow.js";
import type { UpdateHandlers, Updates } from "./updates.js";

/** What a program sets for a shadow; `Self` is what the callbacks find as `this`. */
export interface ShadowHandlers<M, Self> {
	/** What the shadow holds: its types, and how changes made here and there become one. Default: any JSON object. */
	model?: M | undefined;
	/** False: nothing of it survives a reset, and no flash is written. Default: true. */
	persistent?: boolean | undefined;
	/** What the cloud desires and the device is not yet; each change once. To be reported once it is so. */
	onDelta?(this: Self, delta: Document<M>, version: number): void;
	/** The device is all that is desired, and the cloud has every report. */
	onSync?(this: Self, version: number): void;
}

/**
 * Callbacks run from timer callbacks, never inside a call into the device; `this` is the device. `Parameters` is what
 * the compiler finds the models of commands in.
 */
export interface DeviceOptions<M extends Model | undefined = undefined, Parameters = any>
	extends ShadowHandlers<M, Device<M>>, OperationsHandlers<Device<M>, Parameters> {
	host: Host;
	cloud: Cloud;
	/** What runs on this device, for the cloud to know. */
	firmware?: Firmware | undefined;
	/** The cloud can be reached, and everything subscribed to. Again after each reconnect. */
	onConnected?(this: Device<M>): void;
	/** The connection, or an attempt, ended; the next attempt follows in `delay` ms without a call. */
	onDisconnected?(this: Device<M>, error: DeviceError, delay: number): void;
	/**
	 * A job that the cloud has queued for this device, now or some time: one at a time, and again after a reset. It
	 * ends by `job.succeed`, `fail` or `reject`. Where there is this callback, jobs are asked for.
	 */
	onJob?(this: Device<M>, job: Job): void;
	/** The job is over, and not by us; nothing more can be said about it. */
	onJobCanceled?(this: Device<M>, job: Job): void;
	/** The cloud knows how the job ended. */
	onJobFinished?(this: Device<M>, job: Job): void;
	/** Names of members that job documents have: others are left out. Default: any, as long as they are few. */
	jobMembers?: readonly string[] | undefined;
	/**
	 * Where it is given, jobs that are updates of the firmware are done by the device itself, and `onJob` is told of
	 * the others; `firmware.keys` says whose releases it takes.
	 */
	update?: UpdateHandlers<Device<M>> | undefined;
	/**
	 * The cloud asks for something to be done at once. It ends by `command.succeed`, `fail` or `reject`. Where there is
	 * this callback, commands are listened for.
	 */
	onCommand?(this: Device<M>, command: Command): void;
	/**
	 * A command that a reset interrupted, with its payload and its last checkpoint: true takes it up, else it has
	 * failed with INTERRUPTED.
	 */
	onCommandResumed?(this: Device<M>, command: Command): boolean;
	/** The command is over, and not by us: it was canceled, or its time is up. Nothing more can be said about it. */
	onCommandCanceled?(this: Device<M>, command: Command): void;
	/** As `jobMembers`, of the commands' payloads. */
	commandMembers?: readonly string[] | undefined;
	/**
	 * The factory gave this device a claim: a credential that is good for getting one of its own, and for nothing else.
	 * It does that first, and connects with its own credential from then on, after every reset, too.
	 */
	provisioning?: ProvisioningOptions | undefined;
	/** The device has a credential of its own, and the name in it. */
	onProvisioned?(this: Device<M>, id: string): void;
	/** What the cloud has prepared for this device, before `onProvisioned`; after a power cut perhaps once more. */
	onConfiguration?(this: Device<M>, configuration: JSONObject): void;
	/** Something was refused or malformed; the device goes on. */
	onError?(this: Device<M>, error: DeviceError): void;
}

export class Device<M extends Model | undefined = undefined, Parameters = any> {
	readonly #core: Core;

	/**
	 * Reads the identity and starts to connect.
	 * @throws DeviceError `credential` when the device's storage holds no identity fit for this cloud; `argument`;
	 * `unsupported` for a service that this cloud does not have
	 */
	constructor(options: DeviceOptions<M, Parameters>) {
		// What the program's types are is the compiler's business alone.
		this.#core = new Core(this as unknown as Device, options as unknown as DeviceOptions);
		this.#core.start();
	}

	/** The device's name, from its identity. */
	get id(): string {
		return this.#core.id;
	}

	get connected(): boolean {
		return this.#core.connected;
	}

	/** True when the device is all that is desired, and the cloud has every report. */
	get inSync(): boolean {
		return this.#core.own.inSync;
	}

	/** A copy of what the device is, as last reported: by this run or by one before it. */
	get reported(): Document<M> {
		return this.#core.own.reported as Document<M>;
	}

	/**
	 * Says what the device is, now or as soon as it is connected; null deletes a member. The patch is copied, and
	 * survives a reset from the end of this turn on.
	 * @throws DeviceError `argument`; `state` after `close`
	 */
	report(patch: Patch<M>): void {
		this.#core.report(this.#core.own, patch as JSONObject);
	}

	/**
	 * Another shadow of this device, by its name.
	 * @throws DeviceError `unsupported` where the cloud has no named shadows; `argument`; `full`; `state` after `close`
	 */
	shadow<N extends Model | undefined = undefined>(
		name: string, handlers: ShadowHandlers<N, NamedShadow<N>> = {},
	): NamedShadow<N> {
		const handle: NamedShadow<N> = new NamedShadow(this.#core, (self) => {
			return this.#core.addShadow(name, handlers as ShadowHandlers<undefined, unknown>, self);
		});
		return handle;
	}

	/**
	 * What the cloud sets for this device, and takes effect on it: tried, and then kept or taken back.
	 * @throws DeviceError `unsupported` where the cloud has no such shadows; `argument`; `state` when it has one, and
	 * after `close`
	 */
	configure<C extends Model>(handlers: ConfigurationHandlers<C, DeviceConfiguration<C>>): DeviceConfiguration<C> {
		const handle: DeviceConfiguration<C> = new DeviceConfiguration((self) => {
			return this.#core.addConfiguration(handlers as unknown as ConfigurationHandlers<Model, unknown>, self);
		});
		return handle;
	}

	/**
	 * Sends a message of the program's own to a topic of the cloud's. At QoS 1 it is kept while there is room, and sent
	 * when there is a connection.
	 * @returns false when it was not taken
	 * @throws DeviceError `argument`, `too-large`, `unsupported`; `state` after `close`
	 */
	publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): boolean {
		return this.#core.publish(topic, payload, options);
	}

	/**
	 * Reports what was measured; errors are told by `onError`. The report is not copied and not to be changed.
	 * @returns its number; "full" while clouds would take no other: five minutes
	 * @throws DeviceError `unsupported`; `state` after `close`
	 */
	measure(report: MetricsReport): number | "full" {
		return this.#core.measure(report);
	}

	/**
	 * Fetches a file that the cloud keeps for this device, block by block and in any order.
	 * @param name of the stream that has it, and its number in there
	 * @returns what is to be closed, whatever came of it
	 * @throws DeviceError `unsupported`, `argument`, `too-large`, `full`; `state` after `close`
	 */
	download(
		name: string, file: number, callbacks: DownloadCallbacks, options?: DownloadOptions,
	): OpenDownload {
		return this.#core.download(name, file, callbacks, options);
	}

	/**
	 * What the program has to say of updates.
	 * @throws DeviceError `unsupported` where the option `update` was not given
	 */
	get update(): DeviceUpdate {
		return new DeviceUpdate(this.#core.updates);
	}

	/**
	 * What a module of the program writes its records with.
	 * @param module its name: letters, digits and `-_.:/`
	 * @throws DeviceError `unsupported` where the option `log` was not given; `argument`; `full`
	 */
	log(module: string): Logger {
		const log = this.#core.operations?.log;
		if (log === undefined) throw new DeviceError("unsupported", "this device was given no option log");
		return log.logger(module);
	}

	/**
	 * What the program counts and measures, for the heartbeat.
	 * @throws DeviceError `unsupported` where the option `heartbeat` was not given
	 */
	get metrics(): Meters {
		const meters = this.#core.operations?.meters;
		if (meters === undefined) throw new DeviceError("unsupported", "this device was given no option heartbeat");
		return meters;
	}

	/**
	 * Runs in a row, up to the one before this, that crashed before they had lasted five minutes: where there are many,
	 * a program may do without what is not needed. 0 where crashes are not reported, and once this run has lasted.
	 */
	get consecutiveCrashes(): number {
		return this.#core.operations?.consecutiveCrashes ?? 0;
	}

	/** Says goodbye to the cloud and lets everything go. May be called twice; no callback follows. */
	close(): void {
		this.#core.close();
	}
}

/** A mod, or data, that an update installed. */
export interface DeviceComponent {
	/** Of the flash partition that holds it, from its beginning. */
	readonly path: string;
	/** Bytes. */
	readonly size: number;
	readonly version: string;
}

/** What a program says of an update that is offered, or on trial. */
export class DeviceUpdate {
	readonly #updates: Updates;

	/** Use `device.update`. */
	constructor(updates: Updates) {
		this.#updates = updates;
	}

	/** Whether what runs is new and has yet to be confirmed. */
	get onTrial(): boolean {
		return this.#updates.update.onTrial;
	}

	/** Begins what `onOffer` told of. */
	accept(): void {
		this.#updates.update.accept();
	}

	/** Refuses what is offered or under way, unless it is too late for that. */
	refuse(): void {
		this.#updates.update.refuse();
	}

	/** What runs is good. */
	confirm(): void {
		this.#updates.update.healthy();
	}

	/** What is on trial is not good: the device goes back to what it had before, at once. */
	reject(): void {
		this.#updates.update.unhealthy();
	}

	/** A component beside the image; `undefined` where none is installed that fits this image. */
	component(name: string): DeviceComponent | undefined {
		const found: InstalledComponent | undefined = this.#updates.update.component(name);
		return found && { path: slotName(name, found.slot), size: found.size, version: found.version };
	}
}

/** A shadow beside the device's own. */
export class NamedShadow<M extends Model | undefined = undefined> {
	readonly #core: Core;
	readonly #shadow: Shadow;

	/** Use `device.shadow`. */
	constructor(core: Core, add: (self: unknown) => Shadow) {
		this.#core = core;
		this.#shadow = add(this);
	}

	/** As `device.inSync`. */
	get inSync(): boolean {
		return this.#shadow.inSync;
	}

	/** As `device.reported`. */
	get reported(): Document<M> {
		return this.#shadow.reported as Document<M>;
	}

	/** As `device.report`. @throws DeviceError `argument`; `state` after the device's `close` */
	report(patch: Patch<M>): void {
		this.#core.report(this.#shadow, patch as JSONObject);
	}
}

/** What the device goes by, as the cloud set it. */
export class DeviceConfiguration<C extends Model> {
	readonly #configuration: Configuration;

	/** Use `device.configure`. */
	constructor(add: (self: unknown) => Configuration) {
		this.#configuration = add(this);
	}

	/** A copy of it: what is on trial, or else what is in force. */
	get current(): Document<C> {
		return this.#configuration.current as Document<C>;
	}

	/** Whether it has yet to prove good. */
	get onTrial(): boolean {
		return this.#configuration.onTrial;
	}

	/** What is on trial is good. */
	confirm(): void {
		this.#configuration.confirm();
	}

	/** What is on trial is not good: the device goes back to what it had before. @param reason for the operator */
	reject(reason?: string): void {
		this.#configuration.reject(reason);
	}
}

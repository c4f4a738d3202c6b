// SPDX-License-Identifier: Apache-2.0
/**
 * A device: its identity, its cloud and its services, put together.
 *
 * Owns one connection and one timer for all services.
 */
import { Alarm, type AlarmOwner } from "./base/alarm.js";
import type { Closer } from "./base/closer.js";
import { DeviceError, toDeviceError } from "./base/error.js";
import type { Firmware } from "./base/firmware.js";
import { randomWord } from "./bytes/random.js";
import type { JSONObject } from "./bytes/value.js";
import type { Cloud, Connection, ConnectionOptions, PublishOptions } from "./clouds/cloud.js";
import type { Host } from "./host.js";
import { CredentialStore, type Credentials } from "./identity/credentials.js";
import { Provisioning, type ProvisioningCallbacks, type ProvisioningOptions } from "./identity/provisioning.js";
import { Commands, type Command, type CommandsCallbacks } from "./operations/commands.js";
import { Configuration, type ConfigurationHandlers, type ConfigurationOwner } from "./operations/configuration.js";
import { Jobs, type Job, type JobsCallbacks } from "./operations/jobs.js";
import { Metrics, type MetricsReport } from "./operations/metrics.js";
import { Download, type DownloadCallbacks, type DownloadOptions } from "./ota/download.js";
import { UPDATE_MEMBERS } from "./ota/offer.js";
import type { InstalledComponent } from "./ota/record.js";
import { slotName } from "./ota/slots.js";
import type { OpenDownload } from "./ota/stream-source.js";
import type { Document, Model, Patch } from "./shadow/model.js";
import { Shadow, type ShadowCallbacks } from "./shadow/shadow.js";
import { StorageStore } from "./shadow/store.js";
import { Updates, type UpdateHandlers } from "./updates.js";

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

/** Callbacks run from timer callbacks, never inside a call into the device; `this` is the device. */
export interface DeviceOptions<M extends Model | undefined = undefined>
	extends ShadowHandlers<M, Device<M>> {
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

/** Errors beyond this many in one turn are not told: they are the same one, over and over. */
const NEWS_MAXIMUM = 8;
/** ms until the connection with the claim has ended: two of them at once would be too much for the device's memory. */
const RECONNECT_DELAY = 3_000;

export class Device<M extends Model | undefined = undefined> {
	readonly #core: Core;

	/**
	 * Reads the identity and starts to connect.
	 * @throws DeviceError `credential` when the device's storage holds no identity fit for this cloud; `argument`;
	 * `unsupported` for a service that this cloud does not have
	 */
	constructor(options: DeviceOptions<M>) {
		// What the program's types are is the compiler's business alone.
		this.#core = new Core(this as unknown as Device, options as unknown as DeviceOptions);
		// Not in its constructor: what is made from here on needs the stack.
		this.#core.connect();
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
		return this.#core.update;
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

/** The program's callbacks for one shadow. */
class Handlers implements ShadowCallbacks {
	readonly #handlers: ShadowHandlers<undefined, unknown>;
	readonly #self: unknown;
	readonly #core: Core;

	constructor(core: Core, handlers: ShadowHandlers<undefined, unknown>, self: unknown) {
		this.#core = core;
		this.#handlers = handlers;
		this.#self = self;
	}

	onDelta(delta: JSONObject, version: number): void {
		this.#handlers.onDelta?.call(this.#self, delta, version);
	}

	onSync(version: number): void {
		this.#handlers.onSync?.call(this.#self, version);
	}

	onError(error: DeviceError): void {
		this.#core.onError(error);
	}
}

/** A download that is driven until it is closed. */
class CoreDownload implements OpenDownload {
	readonly #core: Core;
	readonly #download: Download;
	readonly #opened: Closer;

	constructor(core: Core, download: Download, opened: Closer) {
		this.#core = core;
		this.#download = download;
		this.#opened = opened;
	}

	close(): void {
		if (this.#core.release(this.#download)) this.#opened.close();
	}

	pause(): void {
		this.#download.pause();
	}

	resume(): void {
		this.#download.resume();
	}
}

/** What services have in common for who runs them. */
interface Timed {
	readonly deadline: number;
	expire(now: number): void;
}

/** What connection and services call: methods of one object, because a closure for each would take eleven slots. */
class Core implements
	AlarmOwner, ConnectionOptions, JobsCallbacks, CommandsCallbacks, ProvisioningCallbacks, ConfigurationOwner {
	id: string;
	readonly host: Host;
	/** The device's own shadow. */
	readonly own: Shadow;
	connected = false;
	readonly #device: Device;
	readonly #options: DeviceOptions;
	/** Absent while a claim was exchanged and the connection with it is ending. */
	#connection: Connection | undefined;
	/** Begins the tokens of this boot. */
	readonly #prefix: string;
	/** All that has deadlines. */
	readonly #services: Timed[] = [];
	readonly #shadows: [name: string, shadow: Shadow][] = [];
	readonly #jobs: Jobs | undefined;
	readonly #updates: Updates | undefined;
	readonly #commands: Commands | undefined;
	#metrics: Metrics | undefined;
	#configuration: Configuration | undefined;
	/** That were begun. */
	#downloads = 0;
	/** There until the device has a credential of its own; then nothing else goes over the connection. */
	#provisioning: Provisioning | undefined;
	/** When to connect with it: monotonic ms. */
	#connectAt = Infinity;
	#closed = false;
	/** Callbacks that wait for a turn of their own. Connections come and go too slowly to fill it, errors may. */
	readonly #news: (() => void)[] = [];
	readonly #alarm: Alarm;

	constructor(device: Device, options: DeviceOptions) {
		const { host, onJob, jobMembers, update, onCommand, commandMembers, provisioning } = options;
		this.#device = device;
		this.#options = options;
		this.host = host;
		this.#alarm = new Alarm(host, this);
		const prefix = this.#prefix = `${randomWord(host).toString(36)}-`;
		const credentials = new CredentialStore(host);
		const { id, fault } = credentials.active();
		this.id = id;
		if (fault !== undefined) this.onFault(fault);
		this.own = this.makeShadow("", options as ShadowHandlers<undefined, unknown>, device);
		if (update !== undefined) {
			const updates = this.#updates = new Updates(this, update as UpdateHandlers<unknown>, device);
			this.#services.push(updates.update);
		}
		if (onJob !== undefined || update !== undefined) {
			const members = onJob === undefined ? UPDATE_MEMBERS : jobMembers && [...jobMembers, ...UPDATE_MEMBERS];
			this.#services.push(this.#jobs = new Jobs(this, { members, prefix }));
		}
		if (onCommand !== undefined) {
			this.#services.push(this.#commands = new Commands(this, { members: commandMembers }));
		}
		if (provisioning !== undefined && !credentials.isOwn) {
			this.#services.push(this.#provisioning = new Provisioning(host, provisioning, this));
		}
	}

	/** Begins to connect, with the credential in force. */
	connect(): void {
		const connection = this.#connection = this.#options.cloud.connect(this);
		try {
			if (this.#provisioning !== undefined) connection.addProvisioning(this.#provisioning);
			else this.attach(connection);
		} catch (error) {
			connection.close();
			throw error;
		}
		this.onTurn();
	}

	get firmware(): Firmware | undefined {
		return this.#options.firmware;
	}

	get update(): DeviceUpdate {
		if (this.#updates === undefined) throw new DeviceError("unsupported", "this device was given no option update");
		return new DeviceUpdate(this.#updates);
	}

	addShadow(name: string, handlers: ShadowHandlers<undefined, unknown>, self: unknown): Shadow {
		this.check();
		const shadow = this.makeShadow(name, handlers, self);
		try {
			this.working?.addShadow(name, shadow);
		} catch (error) {
			this.#shadows.pop();
			this.release(shadow);
			throw error;
		}
		return shadow;
	}

	addConfiguration(handlers: ConfigurationHandlers<Model, unknown>, self: unknown): Configuration {
		this.check();
		if (this.#configuration !== undefined) throw new DeviceError("state", "the device has its configuration");
		const configuration = new Configuration(this, handlers, self, this.#prefix);
		const { shadowName, shadow } = configuration;
		this.working?.addShadow(shadowName, shadow);
		this.#shadows.push([shadowName, shadow]);
		this.#services.push(shadow, configuration);
		this.#configuration = configuration;
		if (this.connected) configuration.connected();
		this.onTurn();
		return configuration;
	}

	report(shadow: Shadow, patch: JSONObject): void {
		this.check();
		shadow.report(patch, this.host.time.wall());
		this.onTurn();
	}

	publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): boolean {
		this.check();
		return this.working?.publish(topic, payload, options) ?? false;
	}

	measure(report: MetricsReport): number | "full" {
		this.check();
		if (this.#metrics === undefined) {
			const metrics = new Metrics(this);
			this.working?.addMetrics(metrics);
			this.#services.push(this.#metrics = metrics);
		}
		const number = this.#metrics.report(report, this.host.time);
		this.onTurn();
		return number;
	}

	download(
		name: string, file: number, callbacks: DownloadCallbacks, options?: DownloadOptions,
	): OpenDownload {
		this.check();
		const connection = this.working;
		if (connection === undefined) throw new DeviceError("state", "the device has no credential of its own yet");
		// Blocks are told apart by their tokens alone, and a file may be fetched again with others.
		const download = new Download(callbacks, `${this.#prefix}${++this.#downloads}-`, options);
		const opened = connection.addDownload(name, file, download);
		this.#services.push(download);
		this.onTurn();
		return new CoreDownload(this, download, opened);
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.connected = false;
		this.#alarm.set(Infinity);
		this.#connection?.close();
	}

	onReady(): void {
		if (this.#provisioning !== undefined) return;
		this.connected = true;
		this.#configuration?.connected();
		this.later(() => this.#options.onConnected?.call(this.#device));
	}

	onLost(error: DeviceError, delay: number): void {
		this.connected = false;
		this.#configuration?.disconnected();
		this.later(() => this.#options.onDisconnected?.call(this.#device, error, delay));
	}

	onFault(error: DeviceError): void {
		if (this.#news.length < NEWS_MAXIMUM) this.later(() => this.onError(error));
	}

	onJob(job: Job): void {
		if (this.#updates?.onJob(job)) return;
		const { onJob } = this.#options;
		if (onJob === undefined) job.reject();
		else onJob.call(this.#device, job);
	}

	onJobCanceled(job: Job): void {
		if (!this.#updates?.onJobCanceled(job)) this.#options.onJobCanceled?.call(this.#device, job);
	}

	onJobFinished(job: Job): void {
		if (!this.#updates?.onJobFinished(job)) this.#options.onJobFinished?.call(this.#device, job);
	}

	onCommand(command: Command): void {
		this.#options.onCommand?.call(this.#device, command);
	}

	onConfiguration(configuration: JSONObject): void {
		this.#options.onConfiguration?.call(this.#device, configuration);
	}

	/** The claim has done its work: its connection ends, and some time later the next begins. */
	onProvisioned({ id }: Credentials): void {
		this.release(this.#provisioning!);
		this.#provisioning = undefined;
		this.#connection?.close();
		this.#connection = undefined;
		this.#connectAt = this.host.time.now() + RECONNECT_DELAY;
		this.id = id;
		this.#options.onProvisioned?.call(this.#device, id);
	}

	onError(error: DeviceError): void {
		this.#options.onError?.call(this.#device, error);
	}

	/** The services' deadlines may have moved, or there is news. */
	onTurn(): void {
		if (this.#closed) return;
		let deadline = this.#news.length > 0 ? 0 : this.#connectAt;
		for (const service of this.#services) {
			if (service.deadline < deadline) deadline = service.deadline;
		}
		this.#alarm.set(deadline);
	}

	/** The turn in which everything is told: the stack is a timer's. */
	expire(): void {
		const callback = this.#news.shift();
		if (callback !== undefined) {
			callback();
			return this.onTurn();
		}
		const now = this.host.time.now();
		if (now >= this.#connectAt) this.reconnect();
		const services = this.#services;
		for (let index = 0; index < services.length; index++) {
			const service = services[index]!;
			// A callback may have closed the device.
			if (!this.#closed && service.deadline <= now) service.expire(now);
		}
		if (this.connected && this.own.inSync) this.#updates?.onSync();
		this.onTurn();
	}

	/** The connection that services work over: none while a claim is exchanged. */
	private get working(): Connection | undefined {
		return this.#provisioning === undefined ? this.#connection : undefined;
	}

	private makeShadow(name: string, handlers: ShadowHandlers<undefined, unknown>, self: unknown): Shadow {
		const { model, persistent = true } = handlers;
		const store = persistent ? new StorageStore(this.host, name) : undefined;
		const shadow = new Shadow(new Handlers(this, handlers, self), { model, store, prefix: this.#prefix });
		this.#shadows.push([name, shadow]);
		this.#services.push(shadow);
		return shadow;
	}

	private attach(connection: Connection): void {
		for (const [name, shadow] of this.#shadows) connection.addShadow(name, shadow);
		if (this.#jobs !== undefined) connection.addJobs(this.#jobs);
		if (this.#commands !== undefined) connection.addCommands(this.#commands);
		if (this.#metrics !== undefined) connection.addMetrics(this.#metrics);
	}

	/** With the credential that was a candidate a moment ago. */
	private reconnect(): void {
		this.#connectAt = Infinity;
		try {
			this.connect();
		} catch (error) {
			this.onFault(toDeviceError(error, "internal", "connection with the device's own credential"));
		}
	}

	/** @returns true when it was there */
	release(service: Timed): boolean {
		const index = this.#services.indexOf(service);
		if (index >= 0) this.#services.splice(index, 1);
		return index >= 0;
	}

	private later(callback: () => void): void {
		this.#news.push(callback);
		this.onTurn();
	}

	private check(): void {
		if (this.#closed) throw new DeviceError("state", "the device is closed");
	}
}

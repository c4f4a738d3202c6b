// SPDX-License-Identifier: Apache-2.0
/**
 * What a device consists of: its identity, its cloud and its services, put together.
 *
 * Owns one connection and one timer for all services.
 */
import { Alarm, type AlarmOwner } from "./base/alarm.js";
import type { Closer } from "./base/closer.js";
import { FOREIGN_MAXIMUM } from "./base/service.js";
import { DeviceError, toDeviceError } from "./base/error.js";
import type { Firmware } from "./base/firmware.js";
import type { Traffic } from "./base/traffic.js";
import { randomWord } from "./bytes/random.js";
import type { JSONObject } from "./bytes/value.js";
import type { Connection, ConnectionOptions, MessageTracer, PublishOptions } from "./clouds/cloud.js";
import type { Device, DeviceOptions, ShadowHandlers } from "./device.js";
import type { Host } from "./host.js";
import { CredentialStore, type Credentials } from "./identity/credentials.js";
import { Provisioning, type ProvisioningCallbacks } from "./identity/provisioning.js";
import type { Command } from "./operations/command.js";
import { Commands, type CommandsCallbacks } from "./operations/commands.js";
import type { Hazardous } from "./operations/builtin.js";
import { Configuration, type ConfigurationHandlers, type ConfigurationOwner } from "./operations/configuration.js";
import { Reason } from "./operations/declared.js";
import { Jobs, type Job, type JobsCallbacks } from "./operations/jobs.js";
import { Metrics, type MetricsReport } from "./operations/metrics.js";
import { Activity, UpdateState } from "./operations/vitals.js";
import { Operations, type OperationsHandlers, type OperationsOwner } from "./operations.js";
import { Download, type DownloadCallbacks, type DownloadOptions } from "./ota/download.js";
import { UPDATE_MEMBERS } from "./ota/offer.js";
import type { OpenDownload } from "./ota/stream-source.js";
import type { Model } from "./shadow/model.js";
import { Shadow, type ShadowCallbacks } from "./shadow/shadow.js";
import { StorageStore } from "./shadow/store.js";
import { Updates, type UpdateHandlers } from "./updates.js";

/** Errors beyond this many in one turn are not told: they are the same one, over and over. */
const NEWS_MAXIMUM = 8;
/** ms until the connection with the claim has ended: two of them at once would be too much for the device's memory. */
const RECONNECT_DELAY = 3_000;

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
		this.#core.enter(Activity.DELTA);
		this.#handlers.onDelta?.call(this.#self, delta, version);
		this.#core.leave(Activity.DELTA);
	}

	onSync(version: number): void {
		this.#core.enter(Activity.SYNC);
		this.#handlers.onSync?.call(this.#self, version);
		this.#core.leave(Activity.SYNC);
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
export class Core implements
	AlarmOwner, ConnectionOptions, JobsCallbacks, CommandsCallbacks, ProvisioningCallbacks, ConfigurationOwner,
	OperationsOwner {
	id: string;
	readonly host: Host;
	/** The device's own shadow. */
	readonly own: Shadow;
	connected = false;
	readonly #device: Device;
	readonly #options: DeviceOptions;
	/** Absent while a claim was exchanged and the connection with it is ending. */
	#connection: Connection | undefined;
	readonly prefix: string;
	/** All that has deadlines. */
	readonly #services: Timed[] = [];
	readonly #shadows: [name: string, shadow: Shadow][] = [];
	readonly #jobs: Jobs | undefined;
	readonly #updates: Updates | undefined;
	readonly #commands: Commands | undefined;
	/** Absent where the program asks for none of it. */
	readonly operations: Operations | undefined;
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
		const { onJob, jobMembers, update, onCommand, commandMembers, provisioning } = options;
		this.#device = device;
		this.#options = options;
		this.#alarm = new Alarm(options.host, this);
		const prefix = this.prefix = `${randomWord(options.host).toString(36)}-`;
		const operations = this.operations = operationsOf(this, device, options);
		const host = this.host = operations?.host ?? options.host;
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
		if (operations !== undefined) {
			this.#services.push(operations);
			const members = [...operations.handlers.names, ...commandMembers ?? []];
			// What is foreign is found only when it is learned.
			this.#commands = new Commands(this, { members, spare: FOREIGN_MAXIMUM, host });
		} else if (onCommand !== undefined) {
			this.#commands = new Commands(this, { members: commandMembers, host });
		}
		if (this.#commands !== undefined) this.#services.push(this.#commands);
		if (provisioning !== undefined && !credentials.isOwn) {
			this.#services.push(this.#provisioning = new Provisioning(host, provisioning, this));
		}
	}

	/** Begins: once, and not from the constructor, as what is made from here on needs the stack. */
	start(): void {
		const { operations } = this;
		operations?.open();
		if (operations?.reports !== undefined) this.#services.push(operations.reports);
		this.connect();
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

	get tracer(): MessageTracer | undefined {
		return this.operations?.trace;
	}

	get traffic(): Traffic | undefined {
		return this.operations?.traffic;
	}

	get updateState(): UpdateState {
		const update = this.#updates?.update;
		if (update === undefined) return UpdateState.NONE;
		return update.onTrial ? UpdateState.TRIAL : update.busy ? UpdateState.RECEIVING : UpdateState.NONE;
	}

	hazard(action: Hazardous): string | undefined {
		const update = this.#updates?.update;
		if (update?.onTrial === true) return "what runs is on trial";
		// What is fetched goes on after a restart; but the image before is where it is written.
		return action === "rollback" ? update?.rollbackHazard : undefined;
	}

	/** Boots the image before. Does not return. @throws DeviceError `state`, `storage` */
	revert(): void {
		if (this.#updates === undefined) this.host.images!.revert();
		else this.#updates.update.rollBackNow();
	}

	get firmware(): Firmware | undefined {
		return this.#options.firmware;
	}

	get updates(): Updates {
		if (this.#updates === undefined) throw new DeviceError("unsupported", "this device was given no option update");
		return this.#updates;
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
		const configuration = new Configuration(this, handlers, self, this.prefix);
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
		const download = new Download(callbacks, `${this.prefix}${++this.#downloads}-`, options);
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
		this.operations?.close();
		this.#connection?.close();
	}

	onReady(): void {
		if (this.#provisioning !== undefined) return;
		this.connected = true;
		this.#configuration?.connected();
		this.operations?.connected();
		this.later(() => {
			this.enter(Activity.CONNECTED);
			this.#options.onConnected?.call(this.#device);
			this.leave(Activity.CONNECTED);
		});
	}

	onLost(error: DeviceError, delay: number): void {
		this.connected = false;
		this.#configuration?.disconnected();
		this.operations?.disconnected();
		this.later(() => {
			this.enter(Activity.DISCONNECTED);
			this.#options.onDisconnected?.call(this.#device, error, delay);
			this.leave(Activity.DISCONNECTED);
		});
	}

	onFault(error: DeviceError): void {
		if (this.#news.length < NEWS_MAXIMUM) this.later(() => this.onError(error));
	}

	onJob(job: Job): void {
		if (this.#updates?.onJob(job)) return;
		const { onJob } = this.#options;
		if (onJob === undefined) return job.reject();
		this.enter(Activity.JOB);
		onJob.call(this.#device, job);
		this.leave(Activity.JOB);
	}

	onJobCanceled(job: Job): void {
		if (!this.#updates?.onJobCanceled(job)) this.#options.onJobCanceled?.call(this.#device, job);
	}

	onJobFinished(job: Job): void {
		if (!this.#updates?.onJobFinished(job)) this.#options.onJobFinished?.call(this.#device, job);
	}

	onCommand(command: Command): void {
		// It was closed by one that came with it. What is not done is told after the next start.
		if (this.#closed) return;
		const { onCommand } = this.#options;
		this.enter(Activity.COMMAND);
		if (!this.operations?.handlers.onCommand(command)) {
			if (onCommand === undefined) command.reject(Reason.UNKNOWN_COMMAND);
			else onCommand.call(this.#device, command);
		}
		this.leave(Activity.COMMAND);
	}

	onCommandResumed(command: Command): boolean {
		if (this.#closed) return true;
		this.enter(Activity.COMMAND);
		const isTakenUp = this.operations?.handlers.onCommandResumed(command)
			|| this.#options.onCommandResumed?.call(this.#device, command);
		this.leave(Activity.COMMAND);
		return isTakenUp ?? false;
	}

	onCommandCanceled(command: Command): void {
		if (this.#closed) return;
		this.enter(Activity.COMMAND);
		if (!this.operations?.handlers.onCommandCanceled(command)) {
			this.#options.onCommandCanceled?.call(this.#device, command);
		}
		this.leave(Activity.COMMAND);
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
		this.enter(Activity.ERROR);
		this.#options.onError?.call(this.#device, error);
		this.leave(Activity.ERROR);
	}

	/** Something of the program's is called: should it be the last thing that the device does, that is known. */
	enter(activity: Activity): void {
		this.operations?.vitals.enter(activity);
	}

	/** It came back. */
	leave(activity: Activity): void {
		this.operations?.vitals.leave(activity);
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
		this.operations?.vitals.tick(now);
		if (now >= this.#connectAt) this.reconnect();
		const services = this.#services;
		for (let index = 0; index < services.length; index++) {
			const service = services[index]!;
			// A callback may have closed the device.
			if (!this.#closed && service.deadline <= now) service.expire(now);
		}
		const inSync = this.connected && this.own.inSync;
		if (inSync) this.#updates?.onSync();
		this.operations?.sample(now, inSync);
		this.onTurn();
	}

	/** The connection that services work over: none while a claim is exchanged. */
	private get working(): Connection | undefined {
		return this.#provisioning === undefined ? this.#connection : undefined;
	}

	private makeShadow(name: string, handlers: ShadowHandlers<undefined, unknown>, self: unknown): Shadow {
		const { model, persistent = true } = handlers;
		const store = persistent ? new StorageStore(this.host, name) : undefined;
		const shadow = new Shadow(new Handlers(this, handlers, self), { model, store, prefix: this.prefix });
		this.#shadows.push([name, shadow]);
		this.#services.push(shadow);
		return shadow;
	}

	private attach(connection: Connection): void {
		for (const [name, shadow] of this.#shadows) connection.addShadow(name, shadow);
		if (this.#jobs !== undefined) connection.addJobs(this.#jobs);
		if (this.#commands !== undefined) connection.addCommands(this.#commands);
		if (this.#metrics !== undefined) connection.addMetrics(this.#metrics);
		const reports = this.operations?.reports;
		if (reports !== undefined) connection.addReports(reports);
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

/** `undefined` for a program that asks for none of it. */
function operationsOf(core: Core, device: Device, options: DeviceOptions): Operations | undefined {
	const { host, commands, builtIn, development, log, heartbeat, crashReports, trace } = options;
	const parts = [commands, builtIn, development, log, heartbeat, trace];
	if (crashReports !== true && parts.every((part) => part === undefined)) return undefined;
	return new Operations(host, core, options as OperationsHandlers<unknown>, device);
}

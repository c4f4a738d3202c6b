// SPDX-License-Identifier: Apache-2.0
/**
 * A device's shadow: what the cloud desires, what the device reports, and how the two are brought together.
 *
 * Three documents are kept: what the device is (`local`), and what the cloud holds as desired and as reported, as far
 * as we know. All else follows from them: what to tell the program is what is desired and the device is not; what to
 * tell the cloud is what the device is and the cloud does not say. So a message that is lost, late or repeated can only
 * delay things.
 *
 * 1. After each connect, once the subscriptions stand, the whole document is fetched: nothing that changed
 *    in between is missed. What was changed here meanwhile is merged with what was changed there (`merge.ts`).
 * 2. From then on deltas arrive; each has a version, and nothing stale or repeated is applied. A gap fetches again, and
 *    so does a delta that lacks what differed: it tells nothing of members that are no longer desired. Nor of those
 *    that are desired as they are reported: a change of the device's own to a field with a rule asks first.
 * 3. One request is under way at a time. Reports of plain fields need no version, as nobody else writes them. What
 *    changes the desired part, or a field with a rule, names the version it was made for, and is merged anew when that
 *    is no longer the newest: so both parts change together, and a change of the cloud's is never overlooked. A request
 *    that is not answered is not repeated: the document tells what became of it.
 * 4. What the device is, and was not told to the cloud yet, survives a reset.
 *
 * What the cloud says only changes state here. Callbacks run, and requests go out, from `expire` alone: the program
 * then finds the stack of a timer under it, and not that of a parser on a socket.
 *
 * Pure: knows no topics and no clock; a cloud translates between `ShadowPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { Refusal, RETRY, Service } from "../base/service.js";
import {
	applyPatch, complete, compose, covers, difference, equal, isEmpty, isObject, own, type JSONObject,
} from "./document.js";
import type { Held } from "./limits.js";
import { merge, noteChanges, settleSums, type Merged, type Sides } from "./merge.js";
import { checkPatch, hasRule, memberNames, prune, type Model } from "./model.js";
import type { ShadowStore } from "./store.js";

/** A change for the cloud. */
export interface ShadowUpdate {
	/** Patches, as RFC 7396 has them; absent when there is nothing to change. */
	readonly reported: JSONObject | undefined;
	readonly desired: JSONObject | undefined;
	/** The version that it was made for; absent: any. */
	readonly version: number | undefined;
}

/**
 * What a shadow asks of a cloud. Tokens come back with the answer. False: there is no room now, ask again later;
 * what throws is not tried again.
 */
export interface ShadowPort {
	get(token: string): boolean;
	/**
	 * @param held what the cloud has, to which this is added
	 * @throws DeviceError `too-large` for more than the cloud takes, `argument`
	 */
	update(token: string, update: ShadowUpdate, held: Held): boolean;
}

export interface ShadowCallbacks {
	/** Members that the cloud desires and the device is not; each change once. Borrowed: not to be changed. */
	onDelta(delta: JSONObject, version: number): void;
	/** The device is all that is desired, and the cloud has every report. */
	onSync?: ((version: number) => void) | undefined;
	onError?: ((error: DeviceError) => void) | undefined;
}

export interface ShadowOptions {
	/** Absent: any document, of at most `MEMBERS_MAXIMUM` different member names. */
	model?: Model | undefined;
	/** Without a model: names of the members that there are; others are left out. */
	members?: readonly string[] | undefined;
	/** Absent: nothing survives a reset. */
	store?: ShadowStore | undefined;
	/**
	 * Begins every token: different at each boot, or an answer to the boot before, which the broker kept, would be
	 * taken for ours.
	 */
	prefix?: string | undefined;
}

/** Names of members that a shadow without a model learns: each stays in the device's memory until it restarts. */
export const MEMBERS_MAXIMUM = 256;

export class Shadow extends Service<ShadowPort> {
	/** Of the newest document or delta that was applied; -1 before the first. */
	version = -1;
	/** Names that the model declares; they and `spare` others may become properties. */
	readonly names: readonly string[];
	readonly spare: number;
	/** True when it matters when what is desired was set. */
	readonly wantsTimes: boolean;
	readonly #callbacks: ShadowCallbacks;
	readonly #model: Model | undefined;
	readonly #store: ShadowStore | undefined;
	/** True from a document on, until the connection is lost or a gap is seen. */
	#fetched = false;
	/** No delta came since the document: one tells what differs, and nothing of what else may have changed with it. */
	#exact = false;
	/** Of the newest delta that could not be applied, because an answer was to come first. */
	#heard = -1;
	/** The cloud has no document. */
	#absent = false;
	/** Documents in a row that were older than what we had. */
	#backwards = 0;
	/** The update under way; absent when it is the document that was asked for. */
	#sending: ShadowUpdate | undefined;
	readonly #local: JSONObject;
	#reported: JSONObject = {};
	#desired: JSONObject = {};
	readonly #changedAt: JSONObject;
	#desiredAt: JSONObject = {};
	readonly #counted: JSONObject;
	/** What the program was told and has not taken over. */
	#told: JSONObject = {};
	/** Updates that the cloud, or its limits, refused: not tried again until they change, or on a new connection. */
	#refusedReport: JSONObject = {};
	#refusedDesire: JSONObject = {};
	/** Members that an update has at most: fewer after a refusal, until it is clear whose fault it is. */
	#most = Infinity;
	#failure: DeviceError | undefined;
	/** What is kept in the storage is not what is here. */
	#dirty = false;
	#synced = false;
	/** From `tell` to `ask`: what is to be done, and whether the program was told of it. */
	#merged: Merged | undefined;
	#spoke = false;

	constructor(callbacks: ShadowCallbacks, { model, members, store, prefix = "" }: ShadowOptions = {}) {
		super(prefix);
		this.#callbacks = callbacks;
		this.#model = model;
		this.#store = store;
		this.names = model === undefined ? members ?? [] : memberNames(model);
		this.spare = model === undefined && members === undefined ? MEMBERS_MAXIMUM : 0;
		this.wantsTimes = model !== undefined && hasRule(model, "last");
		const kept = this.restore();
		this.version = kept?.version ?? -1;
		this.#local = kept?.local ?? {};
		this.#changedAt = kept?.changedAt ?? {};
		this.#counted = kept?.counted ?? {};
	}

	/** True when the device is all that is desired, and the cloud has every report. */
	get inSync(): boolean {
		return this.#synced;
	}

	/** A copy of what the device is, as far as it was ever reported. */
	get reported(): JSONObject {
		return applyPatch({}, this.#local);
	}

	/** What the cloud desires, as far as we know. Borrowed. */
	get desired(): JSONObject {
		return this.#desired;
	}

	override connected(port: ShadowPort): void {
		this.#refusedReport = {};
		this.#refusedDesire = {};
		this.#most = Infinity;
		this.#heard = -1;
		this.refetch();
		super.connected(port);
	}

	override disconnected(): void {
		this.#fetched = this.#synced = false;
		super.disconnected();
	}

	/**
	 * Says what the device is; null deletes. The patch is copied, and goes out with the others of this turn.
	 * @param wall clock in ms, for fields of which the last change counts
	 * @throws DeviceError `argument`
	 */
	report(patch: JSONObject, wall?: number): void {
		if (!isObject(patch)) throw new DeviceError("argument", "a report is an object");
		// A copy first: what is refused halfway leaves nothing behind.
		const report = compose({}, patch);
		if (this.#model !== undefined) checkPatch(this.#model, report);
		noteChanges(this.#model, this.#changedAt, this.#local, this.#desired, report, wall);
		compose(this.#local, report);
		// What it has taken over, and then changes, it is to be told again.
		this.#told = difference(this.#told, report);
		this.#dirty = true;
		this.#synced = false;
		this.wake();
	}

	/**
	 * The cloud's answer to `get`; the objects are ours from now on.
	 * @param metadata when the desired values were set: `{"timestamp":s}` in place of each
	 * @throws DeviceError `malformed`; `version` for one that is older than what was known: it is asked for once more
	 */
	document(token: string, version: unknown, desired: unknown, reported: unknown, metadata?: unknown): void {
		if (!this.awaits(token) || this.#sending !== undefined) return;
		this.take(true, version, desired, reported, metadata);
	}

	/**
	 * A document that came unasked, as one that the broker retained: as good as an answer, unless it is older than what
	 * we have.
	 * @throws DeviceError `malformed`
	 */
	offered(version: unknown, desired: unknown, reported: unknown, metadata?: unknown): void {
		const number = checkVersion(version);
		if (!this.online || this.#sending !== undefined || number < this.version) return;
		if (!this.#fetched || number > this.version) this.take(false, number, desired, reported, metadata);
	}

	private take(asked: boolean, version: unknown, desired: unknown, reported: unknown, metadata: unknown): void {
		const number = checkVersion(version);
		// A section without members may be left out.
		const wanted = desired === undefined ? {} : this.checked(desired);
		const said = reported === undefined ? {} : this.checked(reported);
		const times = this.times(metadata);
		this.answered();
		// A cloud that restored an old copy says so every time; one that was only slow does not.
		if (asked && number < this.version && this.#backwards++ === 0) {
			throw new DeviceError("version", `shadow at version ${number} after ${this.version}`);
		}
		this.#backwards = 0;
		this.#fetched = this.#exact = true;
		this.#absent = false;
		this.version = number;
		this.#desired = wanted;
		this.#desiredAt = times;
		this.#reported = said;
		this.#synced = false;
		this.settle();
		if (complete(this.#local, said)) this.#dirty = true;
		this.heed(number);
	}

	/** There is no document yet. */
	private absent(): void {
		this.#fetched = this.#exact = this.#absent = true;
		this.version = 0;
		this.#desired = {};
		this.#desiredAt = {};
		this.#reported = {};
		this.settle();
	}

	/** What is over must not come back with a reset. */
	private settle(): void {
		if (settleSums(this.#model, this.#counted, this.#reported)) this.#dirty = true;
	}

	/** The cloud desires something else. @throws DeviceError `malformed` */
	delta(version: unknown, delta: unknown, metadata?: unknown): void {
		const number = checkVersion(version);
		// There is nothing to compare with, and the document will hold it, unless it was made before. Or there is an
		// update under way that fits one version: its answer tells whether this delta knows of it.
		if (!this.#fetched || this.#sending?.version !== undefined) {
			if (number > this.#heard) this.#heard = number;
			return;
		}
		if (number <= this.version) return;
		const changes = this.checked(delta);
		// A delta holds all that differs: what does so here and is not in it was changed in a way it does not tell.
		if (number > this.version + 1 || !this.explains(changes)) return this.refetch();
		const times = this.times(metadata);
		this.version = number;
		applyPatch(this.#desired, changes);
		applyPatch(this.#desiredAt, times);
		this.#exact = false;
		this.#synced = false;
		this.wake();
	}

	/** Whether all that differs is in `changes`, with or without the report that is under way. */
	private explains(changes: JSONObject): boolean {
		const differing = difference(this.#desired, this.#reported);
		const report = this.#sending?.reported;
		return covers(changes, report === undefined ? differing : difference(differing, report));
	}

	/** The cloud's answer to an update. @throws DeviceError `malformed` */
	accepted(token: string, version: unknown): void {
		const number = checkVersion(version);
		const update = this.#sending;
		if (!this.awaits(token) || update === undefined) return;
		this.#sending = undefined;
		this.answered();
		this.#most = Infinity;
		this.#absent = false;
		if (update.reported !== undefined) applyPatch(this.#reported, update.reported);
		if (update.desired !== undefined) applyPatch(this.#desired, update.desired);
		this.settle();
		// Versions between ours and this one belong to changes that we did not get.
		if (number > this.version + 1) this.refetch();
		if (number > this.version) this.version = number;
		this.heed(number);
	}

	/** Asks for the document when a delta was heard that is newer than an answer. */
	private heed(version: number): void {
		if (this.#heard > version) this.refetch();
		this.#heard = -1;
	}

	/**
	 * The cloud refused a request: STALE for a version that is not the newest, GONE where there is no document.
	 * @param refusal one of `Refusal`
	 * @param code the cloud's own
	 */
	rejected(token: string, refusal: number, code: number, message: string, now: number): void {
		if (!this.awaits(token)) return;
		const update = this.#sending;
		this.#sending = undefined;
		if (refusal === Refusal.GONE && update === undefined) {
			this.answered();
			return this.absent();
		}
		if (refusal === Refusal.STALE && update !== undefined) {
			// Not at once: a cloud that always says so is not to be asked without end.
			this.postpone(now, RETRY);
			return this.refetch();
		}
		this.heed(this.version);
		const error = new DeviceError("rejected", `shadow refused: ${message}`, { detail: code });
		this.refuse(error, refusal === Refusal.BUSY ? undefined : update, now);
	}

	/** The document was deleted in the cloud: versions may begin anew. */
	deleted(): void {
		this.version = -1;
		this.refetch();
	}

	protected override tell(): void {
		const failure = this.#failure;
		this.#failure = undefined;
		if (failure !== undefined) this.#callbacks.onError?.(failure);
		const merged = this.#fetched ? this.evaluate() : undefined;
		this.#merged = this.asking ? undefined : merged;
		this.#spoke = false;
		this.save();
		if (merged === undefined) return;
		const news = difference(merged.outstanding, this.#told);
		this.#told = merged.outstanding;
		if (isEmpty(news)) return;
		this.#spoke = true;
		this.wake();
		this.#callbacks.onDelta(news, this.version);
	}

	/** Asks for the document, or says the next update; with neither to do, all may be in sync. */
	protected override ask(port: ShadowPort, token: string, now: number): boolean | undefined {
		const merged = this.#merged;
		this.#merged = undefined;
		// The program answers what it was told with reports, which are a turn of their own.
		if (this.#spoke) return undefined;
		// Returned as it comes: XS then gives this frame's stack to the call.
		return merged === undefined ? this.fetch(port, token, now) : this.proceed(port, token, now, merged);
	}

	/** What became of the update under way, the document tells. */
	protected override lost(): void {
		this.#sending = undefined;
		this.#fetched = false;
	}

	/** What is to be done, as all is now. Sums are taken over at once. */
	private evaluate(): Merged {
		const merged = merge(this.#model, this.sides());
		if (!isEmpty(merged.sums)) {
			applyPatch(this.#local, merged.sums);
			applyPatch(this.#counted, merged.counted);
			this.#dirty = true;
		}
		return merged;
	}

	private sides(): Sides {
		return {
			local: this.#local, reported: this.#reported, desired: this.#desired, changedAt: this.#changedAt,
			desiredAt: this.#desiredAt, counted: this.#counted,
		};
	}

	private fetch(port: ShadowPort, token: string, now: number): boolean | undefined {
		try {
			return port.get(token);
		} catch (error) {
			this.refuse(toDeviceError(error, "internal", "request failed"), undefined, now);
			return undefined;
		}
	}

	private proceed(port: ShadowPort, token: string, now: number, merged: Merged): boolean | undefined {
		const changes = compose(difference(this.#local, this.#reported), merged.reported);
		const report = without(changes, this.#refusedReport);
		const desire = without(merged.desired, this.#refusedDesire);
		const { fenced } = merged;
		if (isEmpty(report) && isEmpty(desire)) {
			this.rest(merged);
			return undefined;
		}
		if (merged.blind && !this.#exact) {
			this.refetch();
			return undefined;
		}
		// Versions begin with a document: where there is none, it is made first. By an object that is no constant:
		// XS takes no constant of a preloaded module into JSON.
		if (fenced && this.#absent) {
			return this.update(port, token, now, { reported: {}, desired: undefined, version: undefined });
		}
		this.limit(report, desire);
		return this.update(port, token, now, {
			reported: isEmpty(report) ? undefined : report,
			desired: isEmpty(desire) ? undefined : desire,
			version: fenced ? this.version : undefined,
		});
	}

	private rest({ outstanding }: Merged): void {
		const refused = !isEmpty(this.#refusedReport) || !isEmpty(this.#refusedDesire);
		if (this.#synced || refused || !isEmpty(outstanding)) return;
		this.#synced = true;
		this.#callbacks.onSync?.(this.version);
	}

	private update(port: ShadowPort, token: string, now: number, update: ShadowUpdate): boolean | undefined {
		try {
			const sent = port.update(token, update, this.held());
			if (sent) this.#sending = update;
			return sent;
		} catch (error) {
			// It would never go, and nothing after it either: what cannot be said is left out, and said to be.
			this.refuse(toDeviceError(error, "internal", "update failed"), update, now);
			return undefined;
		}
	}

	private held(): Held {
		return { desired: this.#desired, reported: this.#reported };
	}

	private refetch(): void {
		this.#fetched = this.#synced = false;
		this.wake();
	}

	/**
	 * What was refused would be refused again. Of several members the others are tried without the one at fault.
	 * @param update absent for what is to be tried again whatever the reason was
	 */
	private refuse(error: DeviceError, update: ShadowUpdate | undefined, now: number): void {
		const { reported = {}, desired = {} } = update ?? {};
		const count = Object.keys({ ...reported, ...desired }).length;
		if (count === 0) this.postpone(now);
		else this.answered();
		if (count > 1) {
			this.#most = count >> 1;
			return;
		}
		this.fail(error);
		compose(this.#refusedReport, reported);
		compose(this.#refusedDesire, desired);
	}

	/** Leaves no more members than an update may have; what is reported and desired of one stays together. */
	private limit(report: JSONObject, desire: JSONObject): void {
		const members = Object.keys({ ...report, ...desire });
		for (let at = members.length - 1; at >= this.#most; at--) {
			delete report[members[at]!];
			delete desire[members[at]!];
		}
	}

	/** The first of several is told: the others follow from it. */
	private fail(error: DeviceError): void {
		this.#failure ??= error;
		this.wake();
	}

	/** @throws DeviceError `malformed` */
	private checked(section: unknown): JSONObject {
		if (!isObject(section)) throw new DeviceError("malformed", "shadow section is no object");
		const misfit = prune(this.#model, section, false);
		if (misfit !== undefined) this.fail(new DeviceError("malformed", `shadow's ${misfit} is of another type`));
		return section;
	}

	/** @throws DeviceError `malformed` */
	private times(metadata: unknown): JSONObject {
		if (!this.wantsTimes || !isObject(metadata)) return {};
		prune(undefined, metadata, true);
		return metadata;
	}

	private restore(): ReturnType<ShadowStore["load"]> {
		try {
			const kept = this.#store?.load();
			if (kept !== undefined) prune(this.#model, kept.local, true);
			return kept;
		} catch (error) {
			this.fail(toDeviceError(error, "corrupt", "shadow in the storage"));
			return undefined;
		}
	}

	private save(): void {
		if (!this.#dirty || this.#store === undefined) return;
		this.#dirty = false;
		try {
			this.#store.save({
				version: this.version, local: this.#local, changedAt: this.#changedAt, counted: this.#counted,
			}, difference(this.#local, this.#reported));
		} catch (error) {
			this.fail(toDeviceError(error, "storage", "shadow not kept"));
		}
	}
}

/** Members of `patch` but for those that were refused as they are; a refusal of what has changed since is forgotten. */
function without(patch: JSONObject, refused: JSONObject): JSONObject {
	for (const member of Object.keys(refused)) {
		if (equal(own(patch, member), own(refused, member))) delete patch[member];
		else delete refused[member];
	}
	return patch;
}

function checkVersion(version: unknown): number {
	if (!Number.isSafeInteger(version) || (version as number) < 0) {
		throw new DeviceError("malformed", "shadow version is no whole number");
	}
	return version as number;
}

// SPDX-License-Identifier: Apache-2.0
/** One request, or one observation, and how far it is: what `Requests` keeps of it. */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { OptionNumber } from "./constants.js";
import { Freshness } from "./freshness.js";
import type { Outgoing } from "./messenger.js";
import { insertOption, textOption, uintOption, type Option } from "./option.js";
import type { Cancelable, ObservationOwner, RequestOptions, RequestOwner } from "./request.js";
import type { Requests } from "./requests.js";
import type { Binding } from "./security.js";
import { DEFAULT_TIMING, maxTransmitWait } from "./timing.js";
import type { Assembly, Upload } from "./transfer.js";

/** The longest exchange. */
const TIMEOUT = maxTransmitWait(DEFAULT_TIMING);

export class Pending implements Cancelable {
	readonly options: RequestOptions;
	/** None once it was cancelled. */
	owner: RequestOwner | undefined;
	observer: ObservationOwner | undefined;
	/** The message that comes next is made, or to be made. */
	unsent = false;
	/** Made, and not taken by the messenger. */
	outgoing: Outgoing | undefined;
	/** Number of the token sent last; and of the one by which notifications come, 0 for none. */
	token = 0;
	registration = 0;
	binding: Binding | undefined;
	registrationBinding: Binding | undefined;
	/** Of what the messenger has, 0 for nothing that matters. */
	handle = 0;
	/** What was sent last has no answer yet. */
	awaited = false;
	/** Why it could not be sent: its owner is to be told. */
	failure: DeviceError | undefined;
	/** There is nothing to wait for. */
	isOver = false;
	/** The next message registers; or, where it is leaving, does the opposite. */
	registers: boolean;
	isLeaving = false;
	/** When the answer is overdue, or the notification counts no longer. */
	due = Infinity;
	upload: Upload | undefined;
	assembly: Assembly | undefined;
	restarts = 0;
	/** Registrations that came to nothing. */
	retries = 0;
	echo: Uint8Array | undefined;
	echoes = 0;
	/** Of a body in blocks: tells it from another one (RFC 9175 §3). */
	tag = 0;
	readonly freshness: Freshness | undefined;
	readonly #requests: Requests;
	/** What all its messages have, in order. */
	readonly #common: readonly Option[];

	/** @throws DeviceError `argument` */
	constructor(
		requests: Requests, text: TextCodec, options: RequestOptions, owner: RequestOwner | undefined,
		observer: ObservationOwner | undefined,
	) {
		this.#requests = requests;
		this.options = options;
		this.owner = owner;
		this.observer = observer;
		this.registers = observer !== undefined;
		if (observer !== undefined) this.freshness = new Freshness();
		this.#common = commonOptions(text, options);
	}

	get timeout(): number {
		return this.options.timeout ?? TIMEOUT;
	}

	cancel(): void {
		this.#requests.cancel(this);
	}

	/** All options of a message, in order. */
	merge(more: readonly Option[]): readonly Option[] {
		if (more.length === 0) return this.#common;
		const merged = this.#common.slice();
		for (const option of more) insertOption(merged, option);
		return merged;
	}
}

/** What all messages of a request have, in order. @throws DeviceError `argument` */
export function commonOptions(text: TextCodec, { path, query, accept, options: others }: RequestOptions): Option[] {
	const common: Option[] = [];
	if (path !== "") {
		for (const segment of path.split("/")) insertOption(common, textOption(text, OptionNumber.URI_PATH, segment));
	}
	if (query !== undefined) {
		for (const argument of query) insertOption(common, textOption(text, OptionNumber.URI_QUERY, argument));
	}
	if (accept !== undefined) insertOption(common, uintOption(OptionNumber.ACCEPT, accept));
	if (others !== undefined) for (const option of others) insertOption(common, option);
	return common;
}

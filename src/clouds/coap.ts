// SPDX-License-Identifier: Apache-2.0
/**
 * What all clouds over CoAP have in common: one client for all services, and for each service a translation of its own
 * between the neutral model and the vendor's resources.
 *
 * The device greets the cloud first on each connection; once that is answered, services begin, and observe what they
 * need. Where nothing but datagrams tells that the server is there, the greeting is said again from time to time: a
 * server that has restarted, or lost its way to us, answers it as one that knows us no more, and all begins anew.
 *
 * Whatever the cloud sends, the worst that can come of it is an error reported.
 */
import { Alarm, type AlarmOwner } from "../base/alarm.js";
import { backoffDelay, RECONNECT, REFUSED, type Backoff } from "../base/backoff.js";
import type { Closer } from "../base/closer.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Traffic } from "../base/traffic.js";
import { randomWord } from "../bytes/random.js";
import { CoAPClient, type CoAPClientOptions, type CoAPServerAddress } from "../coap/client.js";
import { classOf, codeText } from "../coap/constants.js";
import type {
	Cancelable, ObservationOwner, Requester, RequestOptions, RequestOwner, Response,
} from "../coap/request.js";
import type { Security } from "../coap/security.js";
import type { Host } from "../host.js";
import type { Shadow } from "../shadow/shadow.js";
import type { Connection, ConnectionOptions, PublishOptions } from "./cloud.js";
import { Lacking } from "./lacking.js";

/** One service in one vendor's words. */
export interface Translation {
	/** The cloud has answered on this connection: what is to be observed is observed from here on. */
	connected(): void;
	/** Cancels what is under way: it was on a connection that is lost, or the cloud knows nothing of it. */
	disconnected(): void;
}

/** Who asked for something. What it throws is reported. */
export interface Asker {
	/** Its messages are not traced: they would bring forth more of the same. */
	readonly isQuiet?: boolean;
	/** @param token that it asked with. @throws DeviceError */
	onAnswer(token: string, response: Response, now: number): void;
	/** None will come. Services know when an answer is overdue, so that there is nothing to be done about it. */
	onUnanswered(token: string): void;
}

/** Who observes something. What it throws is reported. */
export interface Watcher {
	/** The representation, now and at each change, always of class 2. @throws DeviceError */
	onChange(response: Response, now: number): void;
}

/** The client, as far as a cloud has to do with it. */
export interface CloudClient extends Requester, Closer {
	readonly connected: boolean;
}

export interface CoAPSettings {
	/** Bytes of the largest representation that is taken. */
	bodyMaximum: number;
	/** ms of silence after which it is asked whether the server is there. */
	keepAlive?: number | undefined;
	reconnect?: Backoff | undefined;
}

/** Of the program's own messages, those that are not answered yet. */
const POST_MAXIMUM = 4;
const NOTHING = new Uint8Array(0);
/** ms after which what the cloud did not let us observe is tried again. */
const WATCH_RETRY = 60_000;

/** Its own client's options and callbacks, too: a closure for each of them would take eleven slots. */
export abstract class CoAPConnection extends Lacking
	implements Connection, CoAPClientOptions, RequestOwner, AlarmOwner {
	readonly host: Host;
	readonly bodyMaximum: number;
	readonly keepAlive: number | undefined;
	readonly reconnect: Backoff | undefined;
	readonly traffic: Traffic | undefined;
	protected readonly options: ConnectionOptions;
	readonly #translations: Translation[] = [];
	/** Observations that the cloud has ended. */
	readonly #lapsed: Watching[] = [];
	readonly #alarm: Alarm;
	#client: CloudClient | undefined;
	#greeting: Cancelable | undefined;
	/** When the next greeting is due, and when the lapsed observations are tried again; monotonic ms. */
	#greetAt = Infinity;
	#watchAt = Infinity;
	/** ms before the last greeting that was said again because the one before it failed. */
	#delay = 0;
	/** The cloud has answered on this connection. */
	#ready = false;
	#posts = 0;
	#closed = false;

	constructor(options: ConnectionOptions, { bodyMaximum, keepAlive, reconnect }: CoAPSettings) {
		super();
		this.options = options;
		this.host = options.host;
		this.traffic = options.traffic;
		this.bodyMaximum = bodyMaximum;
		this.keepAlive = keepAlive;
		this.reconnect = reconnect;
		this.#alarm = new Alarm(options.host, this);
	}

	/** Read for each connection: what is in the storage need not be in memory, and may have been renewed. */
	abstract get server(): CoAPServerAddress;

	/** Protects messages from end to end; the same one for all connections. */
	get security(): Security | undefined {
		return undefined;
	}

	/** What is asked first on each connection, and again every `heartbeat` ms. */
	protected abstract get greeting(): RequestOptions;

	/** ms; `Infinity` where the connection tells by itself that it is over. */
	protected abstract get heartbeat(): number;

	/** Whether an answer to a later greeting says that the cloud does not know any more what was asked of it before. */
	protected abstract forgot(response: Response): boolean;

	abstract addShadow(name: string, shadow: Shadow): void;

	abstract publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): boolean;

	/** Begins to connect: once, and not from a constructor, whose stack this would need on top. */
	open(client?: CloudClient): this {
		// Made once to be refused here, and not when it is time to connect.
		void this.server;
		this.#client = client ?? new CoAPClient(this);
		return this;
	}

	/** From now on, or as soon as the cloud has answered. */
	protected add(translation: Translation): void {
		this.#translations.push(translation);
		if (this.#ready) translation.connected();
	}

	/** For services that are there for a while. May be called twice, and after `close`. */
	remove(translation: Translation): void {
		const index = this.#translations.indexOf(translation);
		if (index < 0) return;
		this.#translations.splice(index, 1);
		if (this.#ready) translation.disconnected();
	}

	/** The cloud has answered on this connection. */
	get connected(): boolean {
		return this.#ready;
	}

	/**
	 * Asks for a service, and brings it the answer, whatever its code is.
	 * @param token comes back with the answer
	 * @returns `undefined` when it cannot be sent now
	 * @throws DeviceError `argument`
	 */
	ask(token: string, request: RequestOptions, asker: Asker): Cancelable | undefined {
		const asked = this.request(request, new Asking(this, token, request, asker));
		if (asked !== undefined && !asker.isQuiet) this.trace(true, request.path, request.payload);
		return asked;
	}

	/**
	 * Observes a resource until it is cancelled, which is to be by the end of the connection. Where the cloud refuses,
	 * it is asked again every minute.
	 */
	watch(request: RequestOptions, watcher: Watcher): Cancelable {
		const watching = new Watching(this, request, watcher);
		this.trace(true, request.path);
		watching.begin(this.#client!, this.host.time.now());
		return watching;
	}

	/**
	 * Sends a message of the program's own: nobody waits for the answer, but a refusal is reported. The payload must be
	 * ours: the program may fill its own again before it is sent for the last time.
	 * @returns false when there is no connection, or too many are under way
	 * @throws DeviceError `argument`
	 */
	protected post(request: RequestOptions): boolean {
		if (this.#posts >= POST_MAXIMUM) return false;
		if (this.request(request, new Posting(this, request)) === undefined) return false;
		this.trace(true, request.path, request.payload);
		this.#posts++;
		return true;
	}

	/** For postings. */
	posted(): void {
		this.#posts--;
	}

	close(): void {
		this.#closed = true;
		this.lose();
		this.#client!.close();
	}

	onConnected(): void {
		this.greet();
	}

	onDisconnected(error: DeviceError, delay: number): void {
		this.lose();
		this.options.onLost(error, delay);
	}

	/** To the greeting. */
	onResponse(response: Response, now: number): void {
		this.#greeting = undefined;
		if (classOf(response.code) !== 2) {
			this.onRefused(refusal("the greeting", response));
			return this.greetLater(REFUSED, now);
		}
		this.#delay = 0;
		this.schedule(now + this.heartbeat);
		if (this.#ready && this.forgot(response)) this.restart();
		if (!this.#ready) this.begin();
		this.onTurn();
	}

	onError(error: DeviceError, now: number): void {
		this.#greeting = undefined;
		if (this.#closed) return;
		// A cloud that is there and does not answer is told of, which a lost connection tells of itself.
		if (error.code !== "closed") this.onRefused(error);
		this.greetLater(this.reconnect ?? RECONNECT, now);
	}

	onRefused(error: DeviceError): void {
		this.options.onFault(error);
	}

	/** Something was answered: a service's deadline may have moved. */
	onTurn(): void {
		if (!this.#closed) this.options.onTurn();
	}

	/** For requests and observations: what was said, and what came of it. */
	trace(sent: boolean, path: string, payload: Uint8Array = NOTHING): void {
		this.options.tracer?.onMessage(sent, path, payload, 0, payload.byteLength);
	}

	/** For observations. */
	lapsed(watching: Watching, now: number): void {
		this.#lapsed.push(watching);
		this.#watchAt = now + WATCH_RETRY;
		this.arm();
	}

	/** For observations. */
	forget(watching: Watching): void {
		const index = this.#lapsed.indexOf(watching);
		if (index >= 0) this.#lapsed.splice(index, 1);
	}

	/** For the connection's own alarm. */
	expire(): void {
		const now = this.host.time.now();
		if (now >= this.#greetAt) this.greet();
		if (now >= this.#watchAt) {
			this.#watchAt = Infinity;
			if (this.#ready) for (const watching of this.#lapsed.splice(0)) watching.begin(this.#client!, now);
		}
		this.arm();
	}

	private request(request: RequestOptions, owner: RequestOwner): Cancelable | undefined {
		return this.#ready ? this.send(request, owner) : undefined;
	}

	/** @returns `undefined` when there is no room. @throws DeviceError `argument` */
	private send(request: RequestOptions, owner: RequestOwner): Cancelable | undefined {
		try {
			return this.#client!.request(request, owner);
		} catch (error) {
			if (toDeviceError(error, "internal", "request").code === "full") return undefined;
			throw error;
		}
	}

	/** Now, and not only when it is due: what it says has changed. */
	protected greet(): void {
		this.#greetAt = Infinity;
		if (this.#closed || !this.#client!.connected) return;
		this.#greeting?.cancel();
		this.#greeting = this.send(this.greeting, this);
		// Again when there is room.
		if (this.#greeting === undefined) this.greetLater(this.reconnect ?? RECONNECT, this.host.time.now());
	}

	private greetLater(backoff: Backoff, now: number): void {
		this.#delay = backoffDelay(backoff, this.#delay, randomWord(this.host) / 2 ** 32);
		this.schedule(now + this.#delay);
	}

	private schedule(at: number): void {
		this.#greetAt = at;
		this.arm();
	}

	private arm(): void {
		this.#alarm.set(this.#closed ? Infinity : Math.min(this.#greetAt, this.#watchAt));
	}

	private begin(): void {
		this.#ready = true;
		for (const translation of this.#translations) translation.connected();
		this.options.onReady();
	}

	/** The cloud begins anew with us, and so do the services. */
	private restart(): void {
		for (const translation of this.#translations) {
			translation.disconnected();
			translation.connected();
		}
	}

	private lose(): void {
		this.#greeting?.cancel();
		this.#greeting = undefined;
		this.#greetAt = this.#watchAt = Infinity;
		this.#posts = this.#delay = 0;
		this.arm();
		if (!this.#ready) return;
		this.#ready = false;
		for (const translation of this.#translations) translation.disconnected();
		this.#lapsed.length = 0;
	}
}

/** A request of one service. */
class Asking implements RequestOwner {
	readonly #connection: CoAPConnection;
	readonly #token: string;
	readonly #request: RequestOptions;
	readonly #asker: Asker;

	constructor(connection: CoAPConnection, token: string, request: RequestOptions, asker: Asker) {
		this.#connection = connection;
		this.#token = token;
		this.#request = request;
		this.#asker = asker;
	}

	onResponse(response: Response, now: number): void {
		if (!this.#asker.isQuiet) this.#connection.trace(false, this.#request.path, response.payload);
		try {
			this.#asker.onAnswer(this.#token, response, now);
		} catch (error) {
			this.#connection.onRefused(toDeviceError(error, "malformed", `answer from ${this.#request.path}`));
		}
		this.#connection.onTurn();
	}

	onError(error: DeviceError): void {
		if (!isLoss(error)) this.#connection.onRefused(error);
		this.#asker.onUnanswered(this.#token);
	}
}

/** A message of the program's own. */
class Posting implements RequestOwner {
	readonly #connection: CoAPConnection;
	readonly #request: RequestOptions;

	constructor(connection: CoAPConnection, request: RequestOptions) {
		this.#connection = connection;
		this.#request = request;
	}

	onResponse(response: Response): void {
		this.#connection.posted();
		if (classOf(response.code) !== 2) this.#connection.onRefused(refusal(this.#request.path, response));
	}

	onError(error: DeviceError): void {
		if (error.code === "closed") return;
		this.#connection.posted();
		this.#connection.onRefused(error);
	}
}

/** An observation of one service. */
class Watching implements ObservationOwner, Cancelable {
	readonly #connection: CoAPConnection;
	readonly #request: RequestOptions;
	readonly #watcher: Watcher;
	#observation: Cancelable | undefined;

	constructor(connection: CoAPConnection, request: RequestOptions, watcher: Watcher) {
		this.#connection = connection;
		this.#request = request;
		this.#watcher = watcher;
	}

	begin(client: CloudClient, now: number): void {
		try {
			this.#observation = client.observe(this.#request, this);
		} catch (error) {
			this.onEnded(toDeviceError(error, "internal", "observation"), now);
		}
	}

	cancel(): void {
		this.#connection.forget(this);
		this.#observation?.cancel();
		this.#observation = undefined;
	}

	onNotification(response: Response, now: number): void {
		this.#connection.trace(false, this.#request.path, response.payload);
		// What ends it comes by `onEnded`, too.
		if (classOf(response.code) !== 2) return;
		try {
			this.#watcher.onChange(response, now);
		} catch (error) {
			this.#connection.onRefused(toDeviceError(error, "malformed", `change of ${this.#request.path}`));
		}
		this.#connection.onTurn();
	}

	onEnded(error: DeviceError, now: number): void {
		// The connection's end is told by the client, and cancels this.
		if (error.code === "closed") return;
		this.#observation?.cancel();
		this.#observation = undefined;
		this.#connection.onRefused(error);
		this.#connection.lapsed(this, now);
	}
}

/** What an answer that is none of class 2 says. */
function refusal(what: string, { code }: Response): DeviceError {
	return new DeviceError("rejected", `the cloud refused ${what} with ${codeText(code)}`, { detail: code });
}

/** Nobody answers: where that is because the connection is over, the client tells so itself. */
function isLoss({ code }: DeviceError): boolean {
	return code === "closed" || code === "timeout";
}

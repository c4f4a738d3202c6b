// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated Golioth without a network: state, streams, calls, settings, releases, and who asks for them.
 *
 * Pure, so that the same cloud is served on sockets (`cloud.ts`) and inside the world (`world.ts`).
 */
import type { CoAPPeer, CoAPReply, CoAPRequest } from "../../coap/request.js";
import { CoAPServer, type CoAPLimits } from "../../coap/server.js";
import { Registry } from "../../services/registry.js";
import { ReportService } from "../../services/reports.js";
import { GoliothFaults } from "./faults.js";
import { GoliothReleases, type ReleasesOptions } from "./releases.js";
import { GoliothRpc } from "./rpc.js";
import { NOT_FOUND, type GoliothContext, type GoliothService } from "./service.js";
import { GoliothSettings } from "./settings.js";
import { GoliothState, type StateOptions } from "./state.js";
import { GoliothStream } from "./stream.js";

export interface GoliothOptions {
	/** The second half of the names of devices' keys: `<device>@<project>`. Default: "project". */
	project?: string | undefined;
	state?: StateOptions | undefined;
	/** Messages to devices have maps of indefinite length. Default: false. */
	indefinite?: boolean | undefined;
	/** Of one device; more are answered with 4.29. Default: any number. */
	requestsPerSecond?: number | undefined;
	limits?: Partial<CoAPLimits> | undefined;
}

export interface GoliothBackendOptions extends GoliothOptions, ReleasesOptions {
	/** Wall clock, ms since 1970. */
	wall: () => number;
	/** Monotonic ms. */
	now: () => number;
	random: (target: Uint8Array) => void;
}

const SECOND = 1_000;
/** Seconds for which what is observed counts, unless another follows: as long as nobody says anything else. */
const MAX_AGE = 60;

export class GoliothBackend implements GoliothContext {
	readonly indefinite: boolean;
	readonly project: string;
	readonly registry: Registry;
	readonly state: GoliothState;
	readonly stream: GoliothStream;
	/** What devices without the newer path log. */
	readonly logs: GoliothStream;
	/** What devices tell of themselves, of the messages of the stream those at `reports/<kind>`. */
	readonly reports: ReportService;
	readonly rpc: GoliothRpc;
	readonly settings: GoliothSettings;
	readonly releases: GoliothReleases;
	readonly faults = new GoliothFaults();
	readonly server: CoAPServer;
	readonly #services: readonly GoliothService[];
	readonly #options: GoliothBackendOptions;
	/** Requests of a device in the second that began then. */
	readonly #rates = new Map<string, { since: number; count: number }>();

	constructor(options: GoliothBackendOptions) {
		this.#options = options;
		this.indefinite = options.indefinite ?? false;
		this.project = options.project ?? "project";
		this.registry = new Registry(options);
		this.state = new GoliothState(this, options.state);
		this.reports = new ReportService(options);
		this.stream = new GoliothStream(this, ".s", this.reports);
		this.logs = new GoliothStream(this, "logs");
		this.rpc = new GoliothRpc(this);
		this.settings = new GoliothSettings(this);
		this.releases = new GoliothReleases(this, options);
		this.#services = [this.state, this.stream, this.logs, this.rpc, this.settings, this.releases];
		this.server = new CoAPServer({
			random: options.random, limits: options.limits, handler: (request, reply) => { this.handle(request, reply); },
		});
	}

	wall(): number { return this.#options.wall(); }
	now(): number { return this.#options.now(); }

	notify(device: string, changed: readonly string[]): void {
		this.server.notify(({ path, peer }) => {
			return this.deviceOf(peer) === device && changed.every((segment, index) => (path[index] ?? segment) === segment || path[index] === "");
		});
	}

	/**
	 * Whom a peer is. On a connection without protection nobody says so: it is the one device that there is.
	 * @returns `undefined` for a stranger
	 */
	deviceOf({ identity }: CoAPPeer): string | undefined {
		const devices = this.registry.list();
		if (identity === undefined) return devices.length === 1 ? devices[0]!.id : undefined;
		const suffix = `@${this.project}`;
		const name = identity.endsWith(suffix) ? identity.slice(0, -suffix.length) : identity;
		return devices.some(({ id }) => id === name) ? name : undefined;
	}

	/** For the server. */
	handle(request: CoAPRequest, reply: (reply: CoAPReply) => void): void {
		const device = this.deviceOf(request.peer);
		if (device === undefined) return reply({ code: "4.01" });
		this.registry.setOnline(device, true);
		this.registry.countMessage(device);
		const fault = this.faults.take(request);
		if (fault === "silence") return;
		if (fault !== undefined) return reply({ code: fault });
		if (this.#isTooMuch(device)) return reply({ code: "4.29", maxAge: 1 });
		// The vendor's SDK joins a prefix and an empty path.
		const path = request.path.filter((segment, index) => segment !== "" || index < request.path.length - 1);
		const [segment, ...rest] = path;
		const service = this.#services.find(each => each.segment === segment);
		if (service === undefined) return reply(NOT_FOUND);
		reply(this.#ask(service, device, rest, request));
		if (request.observe === 0) service.observed?.(device, request);
	}

	#ask(service: GoliothService, device: string, rest: readonly string[], request: CoAPRequest): CoAPReply {
		try {
			const reply = service.handle(device, rest, request);
			return reply.observable === true ? { maxAge: MAX_AGE, ...reply } : reply;
		} catch (error) {
			if (error instanceof SyntaxError) return { code: "4.00" };
			throw error;
		}
	}

	#isTooMuch(device: string): boolean {
		const { requestsPerSecond = Infinity } = this.#options, now = this.now();
		let rate = this.#rates.get(device);
		if (rate === undefined || now - rate.since >= SECOND) this.#rates.set(device, rate = { since: now, count: 0 });
		return ++rate.count > requestsPerSecond;
	}
}

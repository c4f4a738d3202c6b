// SPDX-License-Identifier: Apache-2.0
/**
 * Owners of CoAP requests who do as they like inside their callbacks, out of one seed: they cancel what is theirs and
 * what is others', ask for more, observe, and close the client, on datagrams and streams whose network is bad.
 *
 * Held to in each run: nobody hears anything of what was cancelled or closed; each request has one outcome, in time;
 * who observes still sees the last state in the end.
 */
import { serveCoAPInWorld } from "../../hosts/simulator/coap/in-world.js";
import { CoAPServer } from "../../hosts/simulator/coap/server.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { CoAPClient } from "../../src/coap/client.js";
import { Code } from "../../src/coap/constants.js";
import type { Cancelable, RequestOptions, Response } from "../../src/coap/request.js";
import type { Crypto, Host } from "../../src/host.js";

const ADDRESS = "10.9.9.9";
const PORTS = Object.freeze({ udp: 5_683, tcp: 5_684, ws: 80 });
const TROUBLE = 120_000;
/** Virtual ms in which every request has ended: an attempt to connect, and an exchange's time for each block. */
const RECOVERY = 900_000;
const REQUESTS = 40;
const MAX_AGE = 20;

export interface OwnersOutcome {
	fingerprint: string;
	asked: number;
	ended: number;
	canceled: number;
	states: number;
	connections: number;
	closed: number;
}

/** One that was asked for, or is observed, and what may still come of it. */
interface Own {
	readonly client: number;
	readonly observes: boolean;
	isOver: boolean;
	handle: Cancelable | undefined;
}

class Owners {
	readonly outcome: OwnersOutcome = { fingerprint: "", asked: 0, ended: 0, canceled: 0, states: 0, connections: 0, closed: 0 };
	readonly #world: World;
	readonly #host: Host;
	readonly #transport: keyof typeof PORTS;
	readonly #all: Own[] = [];
	#client: CoAPClient | undefined;
	#number = 0;
	/** What the observer that stays sees. */
	seen = -1;

	constructor(world: World, host: Host, transport: keyof typeof PORTS) {
		this.#world = world;
		this.#host = host;
		this.#transport = transport;
		this.open();
	}

	get waiting(): number {
		return this.#all.filter(({ isOver, observes }) => !isOver && !observes).length;
	}

	/** Anything that an owner may do, now. */
	act(): void {
		const { random, clock } = this.#world;
		const isLate = clock.now > TROUBLE;
		for (let count = random.between(0, 2); count > 0; count--) {
			switch (random.between(0, isLate ? 1 : 7)) {
				case 0: case 1: case 2: this.cancelAny(); break;
				case 3: case 4: case 5: this.ask(); break;
				case 6: this.observe(); break;
				default: if (random.chance(0.2)) this.close();
			}
		}
	}

	ask(): void {
		const client = this.#client!;
		if (!client.connected || this.outcome.asked >= REQUESTS) return;
		const own: Own = { client: this.#number, observes: false, isOver: false, handle: undefined };
		const end = (): void => {
			this.hear(own);
			own.isOver = true;
			this.outcome.ended++;
			this.act();
		};
		try {
			own.handle = client.request(this.anyRequest(), { onResponse: end, onError: end });
		} catch (error) {
			if ((error as { code?: string }).code !== "full") throw error;
			return;
		}
		this.#all.push(own);
		this.outcome.asked++;
	}

	private anyRequest(): RequestOptions {
		const { random } = this.#world;
		const confirmable = random.chance(0.8), timeout = random.between(5_000, 60_000);
		const payload = new Uint8Array(random.between(0, 2_000));
		switch (random.between(0, 4)) {
			case 0: return { code: Code.GET, path: "body", confirmable, timeout };
			case 1: return { code: Code.PUT, path: "body", payload, confirmable, timeout };
			case 2: return { code: Code.POST, path: "slow", confirmable, timeout };
			case 3: return { code: Code.POST, path: "quick", payload, silent: true, confirmable, timeout };
			default: return { code: Code.POST, path: "quick", confirmable, timeout };
		}
	}

	private observe(): void {
		const own: Own = { client: this.#number, observes: true, isOver: false, handle: undefined };
		try {
			own.handle = this.#client!.observe({ code: Code.GET, path: this.#world.random.chance(0.5) ? "state" : "body" }, {
				onNotification: () => {
					this.hear(own);
					this.act();
				},
				onEnded: () => {
					this.hear(own);
					own.isOver = true;
					this.act();
				},
			});
		} catch (error) {
			if ((error as { code?: string }).code !== "full") throw error;
			return;
		}
		this.#all.push(own);
	}

	private cancelAny(): void {
		const own = this.#all[this.#world.random.between(0, Math.max(0, this.#all.length - 1))];
		if (own === undefined) return;
		if (!own.isOver) this.outcome.canceled++;
		own.isOver = true;
		own.handle!.cancel();
	}

	private hear(own: Own): void {
		if (own.isOver) throw new Error("something came of what was over");
		if (own.client !== this.#number) throw new Error("something came by a client that is closed");
	}

	private close(): void {
		this.#client!.close();
		this.outcome.closed++;
		for (const own of this.#all) if (own.client === this.#number) own.isOver = true;
		this.open();
	}

	private open(): void {
		const number = ++this.#number;
		const check = (): void => { if (number !== this.#number) throw new Error("a client that is closed calls back"); };
		this.#client = new CoAPClient({
			host: this.#host, server: { transport: this.#transport, name: ADDRESS, port: PORTS[this.#transport] }, keepAlive: 20_000,
			bodyMaximum: 4_096, blockLength: 256,
			onConnected: () => {
				check();
				this.outcome.connections++;
				this.act();
			},
			onDisconnected: () => {
				check();
				this.act();
			},
		});
		// The one that nobody cancels.
		this.#client.observe({ code: Code.GET, path: "state" }, {
			onNotification: ({ payload }: Response) => {
				check();
				this.outcome.states++;
				this.seen = payload[0]! << 8 | payload[1]!;
			},
			onEnded: (error) => { throw error; },
		});
	}
}

/**
 * @param crypto whose digests WebSockets need
 * @throws Error that names the seed, when anything is not as it should be
 */
export function coapOwners(seed: number, transport: keyof typeof PORTS, crypto?: Pick<Crypto, "digest">): OwnersOutcome {
	const world = createWorld({ seed, digest: crypto && (algorithm => crypto.digest(algorithm)) });
	const { random, timer, clock } = world;
	let state = 0;
	const server = new CoAPServer({
		random: target => { random.fill(target); },
		handler: ({ path, method }, reply) => {
			if (path[0] === "state") return reply({ code: "2.05", payload: Uint8Array.of(state >> 8, state & 0xff), maxAge: MAX_AGE, observable: true });
			if (path[0] === "body") return reply({ code: method === "GET" ? "2.05" : "2.04", payload: new Uint8Array(method === "GET" ? 2_000 : 0), maxAge: MAX_AGE, observable: method === "GET" });
			if (path[0] === "quick") return reply({ code: "2.04" });
			timer.set(() => { reply({ code: "2.04" }); }, random.between(100, 20_000));
		},
	});
	serveCoAPInWorld(server, world, { address: ADDRESS, ...transport === "udp" ? { udpPort: PORTS.udp } : transport === "tcp" ? { tcpPort: PORTS.tcp } : { webSocketPort: PORTS.ws } });
	let owners: Owners | undefined;
	const device = world.device({ id: "client", program: (host) => {
		owners = new Owners(world, host, transport);
		const tick = (): void => {
			owners!.ask();
			owners!.act();
			if (clock.now < TROUBLE) host.timer.set(tick, random.between(1, 4_000));
		};
		host.timer.set(tick, 1_000);
	} });
	const change = (): void => {
		state++;
		server.notify(() => true);
		if (clock.now < TROUBLE) timer.set(change, random.between(1, 10_000));
	};
	timer.set(change, 1_000);
	const calm = makeTrouble(world, server);
	world.run(TROUBLE);
	calm();
	const isWell = (): boolean => owners!.waiting === 0 && owners!.seen === state;
	world.run(() => isWell() || device.crashes.length > 0 || clock.now > TROUBLE + RECOVERY);
	const [crash] = device.crashes;
	if (crash !== undefined) throw new Error(`seed ${seed} over ${transport}: ${String((crash.error as Error).stack)}`);
	if (!isWell()) throw new Error(`seed ${seed} over ${transport}: ${owners!.waiting} requests without end, state ${state}, seen ${owners!.seen}`);
	return { ...owners!.outcome, fingerprint: world.fingerprint };
}

function makeTrouble({ random, network, timer, devices }: World, server: CoAPServer): () => void {
	const at = (action: () => void): void => { timer.set(action, random.between(0, TROUBLE)); };
	network.delay(1, random.between(5, 1_500));
	network.lose(random.chance(0.7) ? random.between(0, 30) / 100 : 0);
	network.split(random.chance(0.7) ? random.between(0, 90) / 100 : 0);
	network.duplicate(random.chance(0.5) ? random.between(0, 50) / 100 : 0);
	network.reorder(random.chance(0.5) ? random.between(0, 50) / 100 : 0);
	const calmLink = random.chance(0.4) ? network.flap({ up: [2_000, 60_000], down: [100, random.between(500, 60_000)] }) : () => {};
	for (let count = random.between(0, 3); count > 0; count--) at(() => { network.reset(); });
	for (let count = random.between(0, 3); count > 0; count--) at(() => { network.rebind(devices[0]!.address); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.forget(); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.part(random.chance(0.5) ? "release" : "abort", { holdOff: 5 }); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.refuse(random.between(0, 5), { count: 1 }); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.challenge({ count: 1 }); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.separate({ count: 3 }); });
	return () => {
		calmLink();
		network.calm();
		server.faults.clear();
	};
}

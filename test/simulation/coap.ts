// SPDX-License-Identifier: Apache-2.0
/**
 * A CoAP client's life in a bad world, out of one seed: datagrams are lost, doubled and overtaken, links flap, a NAT
 * forgets its mapping, the server starts again and is slow, the power is cut.
 *
 * Held to in each run: each request has exactly one outcome; the server has done what was asked once at most, and what
 * was answered well exactly once; bodies arrive as they were; an observation never shows an older state after a newer
 * one, and in the end shows the last.
 */
import { CoAPServer, type CoAPHandler } from "../../hosts/simulator/coap/server.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { CoAPClient } from "../../src/coap/client.js";
import { Code } from "../../src/coap/constants.js";
import type { RequestOptions, Response } from "../../src/coap/request.js";
import type { DeviceError } from "../../src/base/error.js";
import type { Crypto, Datagrams, Host } from "../../src/host.js";
import { Oscore } from "../../src/oscore/oscore.js";
import type { OSCOREParameters } from "../../src/oscore/parameters.js";

const ADDRESS = "10.9.9.9", PORT = 5_683;
/** Virtual ms of trouble, and what the rest may take when it is over: an attempt to connect, and an exchange's time. */
const TROUBLE = 120_000;
const RECOVERY = 600_000;
const LATE = 30_000;
const REQUESTS = 12;
const BODY = 3_000;
/** Seconds that a state counts: a client whose observation was forgotten comes back after it. */
const MAX_AGE = 30;

export interface CoAPOutcome {
	fingerprint: string;
	boots: number;
	/** How requests ended, by code. */
	outcomes: Record<string, number>;
	states: number;
	connections: number;
}

const CLIENT = Uint8Array.of(1), SERVER = Uint8Array.of(2);
const SHARED = { masterSalt: new Uint8Array(0), idContext: undefined, renews: false };

/** No key and nonce may ever seal two messages. */
function watched(crypto: Crypto, sealed: Map<string, string>, seed: number): Pick<Crypto, "seal" | "open"> {
	return {
		open: (options) => crypto.open(options),
		seal(options) {
			const result = crypto.seal(options);
			const name = `${options.key.join()} ${options.nonce.join()}`, former = sealed.get(name) ?? result.join();
			if (former !== result.join()) throw new Error(`seed ${seed}: a nonce seals a second message`);
			sealed.set(name, former);
			return result;
		},
	};
}

/** What both sides know in the end, and what must hold of it. */
class Ledger {
	/** A request that is sent again from another port is another one to the server. */
	rebound = false;
	readonly seed: number;
	readonly outcomes: Record<string, number> = {};
	/** How often each request was done, and how it ended at the client. */
	readonly done = new Map<number, number>();
	readonly ended = new Map<number, number>();
	asked = 0;
	/** The resource's state, and the one that the client saw last. */
	state = 0;
	seen = -1;
	seenInBoot = -1;
	states = 0;
	connections = 0;

	constructor(seed: number) {
		this.seed = seed;
	}

	check(holds: boolean, what: string): void {
		if (!holds) throw new Error(`seed ${this.seed}: ${what}`);
	}

	end(id: number, how: string): void {
		this.ended.set(id, (this.ended.get(id) ?? 0) + 1);
		this.check(this.ended.get(id) === 1, `request ${id} ended twice, now with ${how}`);
		this.outcomes[how] = (this.outcomes[how] ?? 0) + 1;
	}
}

function bodyOf(id: number, length = BODY): Uint8Array {
	return new Uint8Array(length).map((_, index) => (index ^ index >> 7) + id);
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
	return left.byteLength === right.byteLength && left.every((byte, index) => byte === right[index]);
}

/** A platform for the server's side of the protection, without any trouble. */
function hostIn(world: World): Host {
	let found: Host | undefined;
	world.device({ id: "server", bootDelay: 0, program: (host) => { found = host; } });
	world.run(() => found !== undefined);
	return found!;
}

function serve(world: World, ledger: Ledger, security: Oscore | undefined): CoAPServer {
	const { network, random, timer, clock } = world;
	const handler: CoAPHandler = (request, reply) => {
		ledger.check(request.secured === (security !== undefined), "a request in the clear");
		const [name, id = ""] = request.path;
		const answer = (): void => {
			if (name === "state") {
				reply({ code: "2.05", payload: new TextEncoderLike().encode(ledger.state), maxAge: MAX_AGE, observable: true });
			} else if (name === "body") {
				reply({ code: "2.05", payload: bodyOf(Number(id)) });
			} else {
				ledger.done.set(Number(id), (ledger.done.get(Number(id)) ?? 0) + 1);
				const isWhole = name !== "large" || isSame(request.payload, bodyOf(Number(id)));
				ledger.check(isWhole, `another body came than was sent with ${id}`);
				reply({ code: "2.04", payload: new TextEncoderLike().encode(Number(id)) });
			}
		};
		// Some answers take a while: those are separate responses.
		if (name === "slow") timer.set(answer, random.between(500, 20_000));
		else answer();
	};
	// Notifications that are not confirmed overtake one another.
	const limits = { confirmEvery: random.between(0, 4) };
	const contexts = security && (() => ({ security }));
	const server = new CoAPServer({ handler, limits, contexts, random: (target) => { for (let at = 0; at < target.byteLength; at++) target[at] = random.between(0, 255); } });
	// Some are held up on their way for so long that later ones come first.
	const late = random.chance(0.5) ? random.between(0, 30) / 100 : 0;
	const send = (bytes: Uint8Array, address: string, port: number): void => {
		if (random.chance(late)) timer.set(() => { socket.write(bytes, address, port); }, random.between(1, LATE));
		else socket.write(bytes, address, port);
	};
	const buffer = new Uint8Array(2_048), remote = { address: "", port: 0 };
	let alarm: object | undefined;
	const arm = (): void => {
		timer.clear(alarm);
		const { deadline } = server;
		alarm = deadline === Infinity ? undefined : timer.set(() => { server.expire(clock.now); arm(); }, Math.max(0, deadline - clock.now));
	};
	const socket: Datagrams = network.bind(ADDRESS, { port: PORT, onReadable: () => {
		for (let count = socket.read(buffer, remote); count >= 0; count = socket.read(buffer, remote)) {
			const { address, port } = remote;
			server.receive(buffer.slice(0, count), { key: `${address}:${port}` }, { send: (bytes) => { send(bytes, address, port); } }, clock.now);
		}
		arm();
	} });
	server.watch(arm);
	return server;
}

/** Numbers as bytes, for what has no text codec. */
class TextEncoderLike {
	encode(value: number): Uint8Array { return Uint8Array.of(value >> 8, value & 0xff); }
}

function numberOf(response: Response): number {
	return response.payload[0]! << 8 | response.payload[1]!;
}

/** The program of the device: asks now and then, as long as it may. */
function program(host: Host, world: World, ledger: Ledger, parameters: OSCOREParameters | undefined): () => void {
	const { random } = world;
	ledger.seenInBoot = -1;
	const ids: number[] = [];
	const client = new CoAPClient({
		host, server: { transport: "udp", name: ADDRESS, port: PORT }, keepAlive: 20_000,
		security: parameters && new Oscore({ host, parameters }),
		onConnected() { ledger.connections++; },
	});
	client.observe({ code: Code.GET, path: "state" }, {
		onNotification(response: Response) {
			const state = numberOf(response);
			ledger.check(state >= ledger.seenInBoot, `state ${state} after ${ledger.seenInBoot}`);
			ledger.seen = ledger.seenInBoot = state;
			ledger.states++;
		},
		onEnded(error: DeviceError) { ledger.check(false, `the observation ended: ${error.message}`); },
	});
	const ask = (): void => {
		if (client.connected && ledger.asked < REQUESTS) {
			const id = ++ledger.asked;
			ids.push(id);
			const options = anyRequest(world, id);
			client.request(options, {
				onResponse(response: Response) {
					ledger.end(id, String(response.code));
					if (response.code === Code.CONTENT) ledger.check(isSame(response.payload, bodyOf(id)), `another body came for ${id}`);
					else if (response.code === Code.CHANGED) ledger.check(numberOf(response) === id && (ledger.done.get(id) === 1 || ledger.rebound), `answer ${id}, done ${ledger.done.get(id)}`);
				},
				onError(error: DeviceError) { ledger.end(id, error.code); },
			});
		}
		host.timer.set(ask, random.between(1, 15_000));
	};
	host.timer.set(ask, 1_000);
	// Who asked is gone with the RAM.
	return () => { for (const id of ids) if (!ledger.ended.has(id)) ledger.end(id, "power"); };
}

function anyRequest({ random }: World, id: number): RequestOptions {
	switch (random.between(0, 4)) {
		case 0: return { code: Code.GET, path: `body/${id}` };
		case 1: return { code: Code.PUT, path: `large/${id}`, payload: bodyOf(id) };
		case 2: return { code: Code.POST, path: `slow/${id}` };
		case 3: return { code: Code.POST, path: `quick/${id}`, confirmable: false, timeout: 20_000 };
		default: return { code: Code.POST, path: `quick/${id}` };
	}
}

/**
 * @param crypto for OSCORE, of a platform that has some; absent: nothing is protected
 * @throws Error that names the seed, when anything is not as it should be
 */
export function coapLives(seed: number, crypto?: Crypto): CoAPOutcome {
	const sealed = new Map<string, string>();
	const world = createWorld({ seed, digest: crypto && ((algorithm) => crypto.digest(algorithm)), cipher: crypto && watched(crypto, sealed, seed) });
	const { random, timer, clock } = world;
	const ledger = new Ledger(seed);
	const parameters = crypto && { ...SHARED, masterSecret: bodyOf(seed, 16), senderId: CLIENT, recipientId: SERVER };
	let bury: (() => void) | undefined;
	const device = world.device({
		id: "client", program: (host) => {
			bury?.();
			bury = program(host, world, ledger, parameters);
		},
	});
	const server = serve(world, ledger, parameters && new Oscore({ host: hostIn(world), parameters: { ...parameters, senderId: SERVER, recipientId: CLIENT } }));
	const change = (): void => {
		ledger.state++;
		server.notify(({ path }) => path[0] === "state");
		if (clock.now < TROUBLE) timer.set(change, random.chance(0.5) ? random.between(1, 500) : random.between(1, 20_000));
	};
	timer.set(change, 1_000);
	const calm = makeTrouble(world, server, ledger);
	world.run(TROUBLE);
	calm();
	const isWell = (): boolean => ledger.asked === REQUESTS && ledger.ended.size === REQUESTS && ledger.seen === ledger.state;
	world.run(() => isWell() || clock.now > TROUBLE + RECOVERY);
	ledger.check(device.crashes.length === 0, `crashed: ${String((device.crashes[0]?.error as Error | undefined)?.stack)}`);
	const { asked, seen, state, ended } = ledger;
	ledger.check(isWell(), `not well: ${asked} asked, ${ended.size} ended, state ${state}, seen ${seen}`);
	for (const [id, count] of ledger.done) ledger.check(count === 1 || ledger.rebound, `request ${id} was done ${count} times`);
	return { fingerprint: world.fingerprint, boots: device.boots, outcomes: ledger.outcomes, states: ledger.states, connections: ledger.connections };
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble(world: World, server: CoAPServer, ledger: Ledger): () => void {
	const { random, network, timer, devices } = world;
	const at = (action: () => void): void => { timer.set(action, random.between(0, TROUBLE)); };
	network.delay(1, random.between(5, 1_500));
	network.lose(random.chance(0.7) ? random.between(0, 40) / 100 : 0);
	network.duplicate(random.chance(0.5) ? random.between(0, 50) / 100 : 0);
	network.reorder(random.chance(0.5) ? random.between(0, 50) / 100 : 0);
	const calmLink = random.chance(0.3) ? network.flap({ up: [2_000, 60_000], down: [100, random.between(500, 60_000)] }) : () => {};
	for (let count = random.between(0, 4); count > 0; count--) {
		at(() => {
			network.rebind(devices[0]!.address);
			ledger.rebound = true;
		});
	}
	for (let count = random.between(0, 2); count > 0; count--) at(() => { devices[0]!.cutPower(); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.refuse(random.between(0, 5), { count: 1 }); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.challenge({ count: 1 }); });
	for (let count = random.between(0, 2); count > 0; count--) at(() => { server.faults.separate({ count: 3 }); });
	return () => {
		calmLink();
		network.calm();
		server.faults.clear();
	};
}

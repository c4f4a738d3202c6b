// SPDX-License-Identifier: Apache-2.0
/** Commands that remember, on a host that the test plays, through resets. */
import { DeviceError } from "../../../src/base/error.js";
import type { StorageDomain } from "../../../src/host.js";
import type { MemoryHost } from "../../../src/operations/command-memory.js";
import type { Command, CommandTerms } from "../../../src/operations/command.js";
import { Commands, type CommandsPort } from "../../../src/operations/commands.js";
import { crypto } from "../storage/digest.js";
import { text } from "../text.js";
import { ServiceRig } from "./service-rig.js";

export class CommandRig extends ServiceRig {
	/** By id, of this boot. */
	commands: Record<string, Command> = {};
	readonly values = new Map<string, Uint8Array>();
	wall: number | undefined;
	/** What each write throws. */
	storageFailure: DeviceError | undefined;
	/** What each read throws. */
	readFailure: DeviceError | undefined;
	writes = 0;
	reads = 0;
	/** What the program does at once, by id. */
	onCommand: ((command: Command) => void) | undefined;
	onResumed: ((command: Command) => boolean) | undefined;
	/** What the cloud is asked with, and what it takes. */
	readonly port: CommandsPort = {
		respond: ({ id, status, reason, result, replied }) => {
			const parts = [id, status, reason, result && JSON.stringify(result), replied && `${replied.length} bytes`];
			return this.asked(parts.filter((part) => part !== undefined).join(" "));
		},
		part: ({ id }, offset, bytes) => this.asked(`part ${id} ${offset} ${bytes.byteLength}`),
	};
	protected override driven = this.make();

	constructor() {
		super();
		this.connect();
	}

	get service(): Commands {
		return this.driven;
	}

	connect(port = this.port): void {
		this.driven.connected(port);
		this.turn();
	}

	/** A reset, and a connection after it, if there is one. */
	reset(isConnected = true): void {
		this.commands = {};
		this.driven = this.make();
		if (isConnected) this.connect();
		else this.turn();
	}

	request(id: string, terms?: CommandTerms): void {
		this.driven.request(id, { do: id }, terms);
		this.turn();
	}

	cancel(id: string): void {
		this.driven.cancel(id);
		this.turn();
	}

	accepted(id: string): void {
		this.driven.accepted(id);
		this.turn();
	}

	/** A whole command, from its request to the cloud's answer. */
	do(id: string, terms?: CommandTerms): void {
		this.request(id, terms);
		this.commands[id]!.succeed({ id });
		this.turn();
		this.accepted(id);
	}

	private make(): Commands {
		const values = this.values ?? new Map<string, Uint8Array>();
		const domain: StorageDomain = {
			read: (key) => {
				this.reads++;
				if (this.readFailure !== undefined) throw this.readFailure;
				return this.values.get(key)?.slice();
			},
			write: (key, value) => {
				if (this.storageFailure !== undefined) throw this.storageFailure;
				this.writes++;
				values.set(key, value.slice());
			},
			delete: (key) => void values.delete(key),
			keys: () => [...values.keys()],
			close: () => undefined,
		};
		const host: MemoryHost = {
			text, crypto, storage: { open: () => domain }, time: { now: () => this.now, wall: () => this.wall },
		};
		return new Commands({
			onCommand: (command) => {
				this.commands[command.id] = command;
				this.lines.push(`command ${command.id} ${JSON.stringify(command.payload)}`);
				this.onCommand?.(command);
			},
			onCommandResumed: (command) => {
				this.commands[command.id] = command;
				this.lines.push(`resumed ${command.id} ${JSON.stringify(command.payload)} ${command.checkpoint}`);
				return this.onResumed?.(command) ?? false;
			},
			onCommandCanceled: ({ id, status }) => this.lines.push(`over ${id} ${status}`),
			onError: ({ code }) => this.lines.push(`error ${code}`),
		}, { host });
	}
}

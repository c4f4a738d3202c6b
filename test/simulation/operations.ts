// SPDX-License-Identifier: Apache-2.0
/**
 * An hour of work for a device on the simulated AWS IoT, out of one seed: jobs, some of which fetch a file, commands
 * and reports of metrics, while the network loses and splits, links flap, the broker restarts with and without memory,
 * blocks are dropped and repeated, jobs are canceled, and power is cut. Then the trouble ends, and all work is done.
 */
import { CommandsService } from "../../hosts/simulator/clouds/aws/commands.js";
import { DefenderService } from "../../hosts/simulator/clouds/aws/defender.js";
import { JobsService } from "../../hosts/simulator/clouds/aws/jobs.js";
import { StreamsService } from "../../hosts/simulator/clouds/aws/streams.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { createWorld, text, type World } from "../../hosts/world/index.js";
import type { DeviceError } from "../../src/base/error.js";
import { aws, type AwsOptions } from "../../src/clouds/aws/index.js";
import type { Closer } from "../../src/base/closer.js";
import { Device } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import type { Command } from "../../src/operations/command.js";
import type { Job } from "../../src/operations/jobs.js";
import { REPORT_INTERVAL } from "../../src/operations/metrics.js";

const TROUBLE = 3_600_000;
const RECOVERY = 3_600_000;
const ID = "worker";
const STREAM = "image";
const FILE = 2;
const JOBS = 8;
const COMMANDS = 12;
const BLOCK_LENGTH = 512;
/** Bytes of the file. */
const LENGTH = 20_001;
/** ms of virtual work for a step of a job. */
const STEP = 2_000;

export interface Outcome {
	fingerprint: string;
	boots: number;
	connections: number;
	/** Jobs that were handed to the program, commands that it ran, reports that the cloud has, files fetched. */
	jobs: number;
	commands: number;
	reports: number;
	files: number;
	/** Jobs that the cloud took back. */
	canceled: number;
}

/** What the device did, across its boots. */
class Diary {
	connections = 0;
	/** Ids, once for each time. */
	readonly jobs: string[] = [];
	readonly canceled: string[] = [];
	/** Ids of jobs and commands of this boot. */
	seen = new Set<string>();
	ran = 0;
	files = 0;
	worker: Worker | undefined;
}

/** The program of the device. */
class Worker {
	readonly device: Device;
	readonly #host: Host;
	readonly #diary: Diary;
	/** What is being done. */
	#job: Job | undefined;
	#file: Closer | undefined;

	constructor(host: Host, diary: Diary, cloud: AwsOptions) {
		this.#host = host;
		this.#diary = diary;
		diary.worker = this;
		diary.seen = new Set();
		this.device = new Device({
			host,
			cloud: aws(cloud),
			jobMembers: ["steps", "stream", "file", "length", "step"],
			commandMembers: ["add"],
			onConnected: () => diary.connections++,
			onJob: (job) => this.#begin(job),
			onJobCanceled: (job) => {
				diary.canceled.push(job.id);
				this.#job = undefined;
				this.#file?.close();
			},
			onCommand: (command) => this.#run(command),
			// A command that the cloud forgot and a report that nobody answered are no fault of ours; a message that is is.
			onError: (error) => {
				if (error.code !== "rejected" && error.code !== "timeout") throw error;
			},
		});
		host.timer.repeat(() => {
			this.device.measure({ metrics: { jobs: diary.jobs.length }, network: { bytesIn: 1, bytesOut: 2, packetsIn: 3, packetsOut: 4 } });
		}, REPORT_INTERVAL + 1_000);
	}

	get idle(): boolean {
		return this.#job === undefined;
	}

	#see(id: string): void {
		if (this.#diary.seen.has(id)) throw new Error(`${id} twice`);
		this.#diary.seen.add(id);
	}

	#run(command: Command): void {
		this.#see(command.id);
		this.#diary.ran++;
		const { add } = command.payload as { add: number };
		command.progress();
		this.#host.timer.set(() => command.succeed({ sum: `${add + 1}` }), 100);
	}

	#begin(job: Job): void {
		this.#see(job.id);
		this.#diary.jobs.push(job.id);
		this.#job = job;
		const { steps, stream, file, length } = job.document as { steps?: number; stream?: string; file?: number; length?: number };
		if (stream !== undefined) this.#fetch(job, stream, file!, length);
		else this.#step(job, Number(job.details["step"] ?? 0), steps!);
	}

	/** A step now and then; after a reset from where it was. */
	#step(job: Job, step: number, steps: number): void {
		if (job !== this.#job) return;
		if (step >= steps) return this.#end(job, { step: `${step}` });
		job.progress({ step: `${step}` }, { stepTimeoutMinutes: 600 });
		this.#host.timer.set(() => this.#step(job, step + 1, steps), STEP);
	}

	#fetch(job: Job, stream: string, file: number, length: number | undefined): void {
		let received = 0;
		const opened = this.#file = this.device.download(stream, file, {
			onBlock: (index, bytes, start, end) => {
				received += end - start;
				for (let at = start; at < end; at++) {
					if (bytes[at] !== byteOf(index * BLOCK_LENGTH + at - start)) throw new Error(`block ${index} is not what it should be`);
				}
			},
			onComplete: () => {
				if (received !== LENGTH) throw new Error(`${received} bytes of ${LENGTH}`);
				this.#diary.files++;
				this.#end(job);
				opened.close();
			},
			onFailed: fail,
		}, { blockLength: BLOCK_LENGTH, window: 10, length });
	}

	#end(job: Job, details?: Record<string, string>): void {
		this.#job = undefined;
		job.succeed(details);
	}
}

function fail(error: DeviceError): void {
	throw error;
}

function utf8(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}

/** Of the file. */
const byteOf = (offset: number): number => offset * 7 + (offset >> 8) & 0xff;

/** @throws Error that names the seed, when anything is not as it should be */
export function workIsDone(seed: number, options: AwsOptions = {}): Outcome {
	const world = createWorld({ seed });
	const { random } = world;
	let jobs!: JobsService, commands!: CommandsService, defender!: DefenderService, streams!: StreamsService;
	const cloud = new AwsWorldCloud(world, {
		services: [
			(context) => jobs = new JobsService(context),
			(context) => commands = new CommandsService(context),
			(context) => defender = new DefenderService(context),
			(context) => streams = new StreamsService(context, {
				disturb: (blocks) => blocks.flatMap((block) => random.chance(0.2) ? [] : random.chance(0.2) ? [block, block] : [block]),
			}),
		],
	});
	const diary = new Diary();
	const device = world.device({
		id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) },
		program: (host) => void new Worker(host, diary, options),
	});
	streams.put(ID, STREAM, { version: 1, description: "", files: { 0: Uint8Array.of(1), [FILE]: Uint8Array.from({ length: LENGTH }, (_, index) => byteOf(index)) } });
	const sent: string[] = [];
	const end = makeTrouble(world, cloud, jobs, () => {
		const payload = utf8(`{"add":${sent.length}}`);
		sent.push(commands.send({ thing: ID }, { payload, contentType: "application/json", timeout: 600 }));
	});
	const check = (holds: boolean, what: string): void => {
		if (!holds) throw new Error(`seed ${seed}: ${what}`);
	};
	world.run(TROUBLE);
	end();
	const pending = (): boolean => jobs.executions(ID).some(({ status }) => status === "QUEUED" || status === "IN_PROGRESS");
	world.run(() => !pending() && (diary.worker?.idle ?? false), { within: RECOVERY });
	world.run(world.clock.now + 2 * REPORT_INTERVAL);
	check(device.crashes.length === 0, `crashed: ${String((device.crashes[0]?.error as Error | undefined)?.stack)}`);
	const executions = jobs.executions(ID);
	check(executions.length === JOBS, `${executions.length} jobs`);
	for (const { jobId, status } of executions) {
		check(status === "SUCCEEDED" || status === "CANCELED", `job ${jobId} is ${status}`);
		if (status === "SUCCEEDED") check(diary.jobs.includes(jobId), `job ${jobId} was not handed over`);
	}
	for (const [index, id] of sent.entries()) {
		const { status, result } = commands.execution(id)!;
		// Nobody keeps a command for a device whose session is gone; and a reset forgets it.
		check(status === "SUCCEEDED" || !diary.seen.has(id), `command ${id} is ${status}`);
		if (status === "SUCCEEDED") check(JSON.stringify(result) === `{"sum":"${index + 1}"}`, `command ${id} gave ${JSON.stringify(result)}`);
	}
	const reports = defender.reports(ID).length;
	check(reports > 0, "no report");
	return {
		fingerprint: world.fingerprint, boots: device.boots, connections: diary.connections, jobs: diary.jobs.length, commands: diary.ran,
		reports, files: diary.files, canceled: diary.canceled.length,
	};
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble(world: World, cloud: AwsWorldCloud, jobs: JobsService, command: () => void): () => void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 400));
	network.lose(random.chance(0.5) ? random.between(0, 20) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const calmLink = random.chance(0.6)
		? network.flap({ up: [10_000, random.between(20_000, 400_000)], down: [100, random.between(1_000, 60_000)], kill: 0.5 })
		: () => {};
	const at = (probability: number, action: () => void, latest = TROUBLE - 1) => {
		if (random.chance(probability)) timer.set(action, random.between(0, latest));
	};
	for (let index = 0; index < JOBS; index++) {
		const jobId = `job-${index}`;
		const document = index % 4 !== 3 ? { steps: random.between(0, 40), for: "others" }
			: { stream: STREAM, file: FILE, ...(random.chance(0.5) ? { length: LENGTH } : {}) };
		const created = random.between(0, TROUBLE / 2);
		timer.set(() => jobs.create({ jobId, document, things: [ID] }), created);
		if (random.chance(0.3)) timer.set(() => jobs.cancel(jobId, { force: true }), created + random.between(1, 120_000));
	}
	for (let index = 0; index < COMMANDS; index++) at(1, command);
	for (let index = 0; index < 6; index++) {
		at(0.3, () => cloud.restart(random.between(100, 60_000), { forget: random.chance(0.5) }));
		at(0.3, () => network.halfOpen());
		at(0.2, () => network.reset());
		at(0.2, () => devices[0]!.cutPower());
	}
	return () => {
		calmLink();
		network.calm();
		cloud.start();
	};
}

// What Flamenco's Manager gives a job type: its global names, and the job, with the rules that matter to a script.
// After internal/manager/job_compilers of Flamenco 3; the rules are restated here, none of its code is.

const author = {
    Task(name, type) {
        if (!name.trim() || !type.trim()) throw new Error("author.Task: name and type are required");
        return {
            name: name.trim(),
            type: type.trim(),
            commands: [],
            dependencies: [],
            addCommand(command) { this.commands.push({ ...command }); },
            addDependency(task) { this.dependencies.push(task.name); },
        };
    },
    Command(name, parameters, totalStepCount = 0) {
        return { name, parameters, totalStepCount };
    },
};

const path = {
    basename(text) {
        const parts = slashed(text).split("/").filter((part) => part !== "");
        return parts.length ? parts[parts.length - 1] : text ? "/" : ".";
    },
    dirname(text) {
        const end = slashed(text).lastIndexOf("/");
        return end < 0 ? "." : slashed(text).slice(0, Math.max(end, 1));
    },
    join(...parts) { // Cleaned: the two slashes that begin a Windows share become one.
        return slashed(parts.filter((part) => part !== "").join("/")).replace(/\/+/g, "/");
    },
    stem(text) {
        const name = path.basename(text);
        return name.lastIndexOf(".") < 0 ? name : name.slice(0, name.lastIndexOf("."));
    },
};

function slashed(text) {
    return text.replace(/\\/g, "/");
}

function print() {}

function formatTimestampLocal(time) {
    if (time !== CREATED) throw new TypeError("formatTimestampLocal takes a time of the Manager's");
    return "2026-03-01_093000";
}

function frameChunker(range, size) {
    if (size < 1) throw new Error(`invalid chunk size, must be positive number: ${size}`);
    const numbers = new Set();
    for (const part of range.replaceAll("..", "-").split(",")) {
        const ends = part.split("-").map((text) => text.trim());
        if (ends.length > 2 || !ends.every((text) => /^[+-]?\d+$/.test(text))) throw new Error(`invalid range "${range}"`);
        for (let frame = Number(ends[0]); frame <= Number(ends[ends.length - 1]); frame++) numbers.add(frame);
    }
    const frames = [...numbers].sort((a, b) => a - b);
    if (!frames.length) throw new Error(`invalid range "${range}": empty range`);
    const chunks = [];
    for (let start = 0; start < frames.length; start += size) chunks.push(merged(frames.slice(start, start + size)));
    return chunks;
}

// Two frames in a row stay two numbers; three become a range.
function merged(frames) {
    const pieces = [];
    for (let start = 0, end; start < frames.length; start = end + 1) {
        for (end = start; frames[end + 1] === frames[end] + 1;) end++;
        pieces.push(...end - start < 2 ? frames.slice(start, end + 1) : [`${frames[start]}-${frames[end]}`]);
    }
    return pieces.join(",");
}

const CREATED = Object.freeze({});

// The job as a script sees it. Only the settings can be changed, and a task is taken in as it is when it is added.
function compile(submitted) {
    const { settings, ...rest } = JSON.parse(submitted);
    const read = new Set(), tasks = [];
    const job = Object.freeze({
        ...rest,
        created: CREATED,
        settings: new Proxy(settings, {
            get(target, key) {
                read.add(key);
                return target[key];
            },
        }),
        addTask(task) { tasks.push(JSON.parse(JSON.stringify(task))); },
    });
    compileJob(job);
    return JSON.stringify({ tasks, settings, read: [...read] });
}

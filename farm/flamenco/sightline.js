// SPDX-License-Identifier: GPL-3.0-or-later

// The Flamenco job type "Sightline": frames or Gaussians in chunks, then one task that checks them all.
//
// Each task runs "blender --command sightline ..." on a worker, where the extension is installed and enabled. A chunk
// that fails goes to another worker, and --resume leaves the frames that are there and right, so that only what is
// missing is made again. The same holds for a task that is cancelled and requeued, since its folder stays the same.
// --share keeps a frame from being made twice where a worker that Flamenco has given up is still at work.

const KINDS = ["frames", "gaussians"];
const METHODS = ["convglr", "gps-gaussian", "plane-sweep", "splatting"];
const QUALITIES = ["preview", "full"];
const DEVICES = ["auto", "cpu", "cuda", "mps"];

// Python for a setting of the scene, and for what it is where the file has never seen the extension.
const ofScene = (name, otherwise) => `getattr(getattr(C.scene, 'sightline', None), '${name}', '${otherwise}')`;

const JOB_TYPE = {
    label: "Sightline",
    description: "Synthesize the frames of a camera from photographs, or reconstruct the Gaussians of each frame",
    settings: [
        {
            key: "kind", type: "string", choices: KINDS, default: "frames",
            description: "What is made of each frame: the picture the target camera sees, or a PLY file of Gaussians",
        },
        {
            // Flamenco's ranges know no step, so the frames of a scene that has one are listed.
            key: "frames", type: "string", required: true,
            eval: "f'{C.scene.frame_start}-{C.scene.frame_end}' if C.scene.frame_step == 1 else "
                + "','.join(map(str, range(C.scene.frame_start, C.scene.frame_end + 1, C.scene.frame_step)))",
            evalInfo: { showLinkButton: true, description: "Range of the scene" },
            description: "Frames to make, as in 12 or 1-100 or 1-100,120",
        },
        {
            key: "chunk_size", type: "int32", default: 10, propargs: { min: 1 }, visible: "submission",
            description: "Frames in a task. Larger chunks start Blender and load the network less often; "
                + "smaller ones spread over more workers",
        },
        {
            key: "method", type: "string", choices: METHODS, default: METHODS[0],
            eval: ofScene("method", METHODS[0]),
            evalInfo: { showLinkButton: true, description: "Method of the scene" },
            description: "How frames are made. Gaussians have one method, whatever is chosen here",
        },
        {
            key: "quality", type: "string", choices: QUALITIES, default: "full",
            eval: ofScene("quality", "full"),
            evalInfo: { showLinkButton: true, description: "Quality of the scene" },
            description: "How much time a frame may take",
        },
        {
            key: "device", type: "string", choices: DEVICES, default: "auto",
            description: "What the workers compute on. Auto takes a worker's GPU if it has one, else its processor",
        },
        {
            key: "movie", type: "bool", default: false,
            description: "Make a movie of the frames, beside them, once all of them are checked",
        },

        // The root and the number of path components make the path, as in Flamenco's own job types.
        {
            key: "render_output_root", type: "string", subtype: "dir_path", required: true, visible: "submission",
            description: "Folder that all workers reach; the job makes its own folder in it",
        },
        {
            key: "add_path_components", type: "int32", required: true, default: 0, propargs: { min: 0, max: 32 },
            visible: "submission",
            description: "How many of the folders above the blend file are repeated in the path of the output",
        },
        {
            key: "render_output_path", type: "string", subtype: "file_path", editable: false,
            eval: "str(abspath(settings.render_output_root) / last_n_dir_parts(settings.add_path_components)"
                + " / jobname / '{timestamp}' / '######')",
            description: "Where the files go; the number of the frame stands where the # are",
        },

        // Filled in by Flamenco's add-on with the copy that workers read.
        {
            key: "blendfile", type: "string", required: true, visible: "web",
            description: "Blend file with the cameras and photographs",
        },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    requireChoice("kind", settings.kind, KINDS);
    requireChoice("method", settings.method, METHODS);
    requireChoice("quality", settings.quality, QUALITIES);
    requireChoice("device", settings.device, DEVICES);
    const output = outputPath(job);
    settings.render_output_path = output; // The web interface shows where the files really go.

    const gaussians = settings.kind === "gaussians";
    if (gaussians && settings.movie) {
        throw "There is no movie of Gaussians: switch Movie off, or make frames.";
    }
    const where = ["--quality", settings.quality, "--output", output];
    const what = gaussians ? where : ["--method", settings.method].concat(where);

    const tasks = chunksOf(settings.frames, settings.chunk_size).map((chunk) => sightlineTask(
        `${gaussians ? "gaussians" : "render"}-${chunk}`,
        gaussians ? "gaussians" : "render",
        settings.blendfile,
        ["--frames", chunk].concat(what, ["--device", settings.device, "--resume", "--share"]),
        frameCountOf(chunk),
    ));

    const all = ["--frames", inOneChunk(settings.frames)].concat(what);
    const movie = settings.movie ? ["--movie", moviePath(output, settings.blendfile)] : [];
    const check = sightlineTask(
        "check", "check", settings.blendfile, all.concat(gaussians ? ["--gaussians"] : [], movie), 0,
    );

    for (const task of tasks) {
        check.addDependency(task);
        job.addTask(task);
    }
    job.addTask(check);
}

// Flamenco puts exeArgs ("-b -y") and argsBefore ahead of the blend file. Blender hands all that follows --command to
// the extension, which opens the file itself. Steps are frames: workers count those that Blender reports.
function sightlineTask(name, subcommand, blendfile, args, steps) {
    const task = author.Task(name, "blender");
    task.addCommand(author.Command("blender-render", {
        exe: "{blender}",
        exeArgs: "{blenderArgs}",
        argsBefore: ["--command", "sightline", subcommand],
        blendfile: blendfile,
        args: args,
    }, steps));
    return task;
}

// Jobs that come by Flamenco's API have not been through the choices of its panel.
function requireChoice(name, value, choices) {
    if (choices.indexOf(value) < 0) {
        throw `"${value}" is no ${name}; choose ${choices.slice(0, -1).join(", ")} or ${choices[choices.length - 1]}.`;
    }
}

function outputPath(job) {
    const output = `${job.settings.render_output_path || ""}`.replace("{timestamp}", formatTimestampLocal(job.created));
    if (path.basename(output).indexOf("#") < 0) {
        throw `The output "${output}" has no # where the number of the frame stands.`;
    }
    return output;
}

// Beside the frames, named after the blend file, of which Flamenco's add-on saves a copy called NAME.flamenco.blend.
function moviePath(output, blendfile) {
    return `${path.dirname(output)}/${path.stem(blendfile).replace(/\.flamenco$/, "")}.mp4`;
}

function chunksOf(frames, size) {
    if (!(size >= 1)) {
        throw `A chunk has at least one frame, not ${size}.`;
    }
    try {
        return frameChunker(frames, size);
    } catch (error) {
        throw `Flamenco cannot read the frames "${frames}"; write them as in 1-100,120, without negative numbers.`;
    }
}

// The same frames, sorted and in the fewest ranges: workers on Windows take no more than 32,767 characters.
function inOneChunk(frames) {
    return frameChunker(frames, 2147483647)[0];
}

// Flamenco's own frameCount() is not in its older releases.
function frameCountOf(chunk) {
    return frameChunker(chunk, 1).length;
}

// Reads captures with a newer Wireshark, and compares what it says with what tshark says.
//
// The newer one is Wireshark compiled to WebAssembly (npm package @goodtools/wiregasm). Both must give each
// packet the same protocol and the same expert infos, and each display filter the same packets. The filters are
// those of docs/wireshark.md and of the buttons of the profile. Both load the Lua script of `wireshark install`.
//
//     node compare.js CAPTURE...      with NODE_PATH where the package is

'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const loadWireshark = require('@goodtools/wiregasm/dist/wiregasm.js');

const TOP = path.join(__dirname, '../..');
const SCRIPT = path.join(TOP, 'src/wireshark/flow2pcap.lua');
const PACKAGE = path.dirname(require.resolve('@goodtools/wiregasm/dist/wiregasm.js'));

// Notes that Wireshark has since 4.4 only (packet-tcp.c). They are counted, and are no difference. A SYN of 44 bytes
// has no room for the second option, and the flow log says that it had 44.
const NEW_NOTES = ['Partial Acknowledgement of a segment', 'The SYN packet does not contain a SACK PERM option'];

// Chats that Wireshark has before 4.2 only (packet-http.c): the first line of a request or response.
const OLD_CHAT = /^(\S+ .* HTTP\/1\.1|HTTP\/1\.1 \d+)/;

// Newer versions give responses the URI of their request, so the filter finds twice as many packets.
const WIDER_FILTER = 'http.request.uri contains "/api"';

// Characters of an expert info that both versions show.
const LABEL_MAX = 150;

// Fewer would mean that the tables were not found.
const FILTERS_MIN = 20;

// The display filters that users are shown: the first cells of the tables of filters, and the buttons.
function shownFilters() {
    const page = fs.readFileSync(path.join(TOP, 'docs/wireshark.md'), 'utf8');
    const cells = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);
    const buttons = fs.readFileSync(path.join(TOP, 'src/wireshark/profile/dfilter_buttons'), 'utf8');
    const ofButtons = [...buttons.matchAll(/^"TRUE","[^"]*","([^"]*)"/gm)];
    const fields = ['flowlog.action == "REJECT"', 'flowlog.packets > 3', 'flowlog.line == 33'];
    const typed = ofButtons.map((match) => match[1].replaceAll('\\x22', '"'));
    const filters = [...new Set([...cells, ...typed, ...fields])];
    // tshark counts all of them at once, in a list with commas.
    const odd = filters.find((filter) => filter.includes(','));
    if (odd !== undefined || filters.length < FILTERS_MIN) {
        throw new Error(`${filters.length} filters: too few, or a comma in ${odd}`);
    }
    return filters;
}

function tshark(capture, more) {
    const options = ['-n', '-2', '-X', `lua_script:${SCRIPT}`, '-r', capture, ...more];
    const text = execFileSync('tshark', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 30 });
    return text.split('\n').slice(0, -1);
}

// One text for each packet: its protocol, and its expert infos in alphabetical order.
function packetsOfTshark(capture) {
    const fields = ['_ws.col.Protocol', '_ws.expert.message'].flatMap((field) => ['-e', field]);
    const lines = tshark(capture, ['-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=\x1f', ...fields]);
    return lines.map((line) => {
        const [protocol, infos] = line.split('\t');
        const known = infos.split('\x1f').filter((info) => info !== '' && !isOfOneVersion(info));
        return packet(protocol, known);
    });
}

function isOfOneVersion(info) {
    return NEW_NOTES.includes(info) || OLD_CHAT.test(info);
}

// Both cut long texts, at different places, and the newer one marks them.
function packet(protocol, infos) {
    const beginnings = infos.map((info) => info.replace(/^ \[…\]/, '').slice(0, LABEL_MAX));
    return [protocol, ...beginnings.sort()].join('\n    ');
}

class Newer {
    static async start() {
        const wireshark = await loadWireshark({
            locateFile: (name) => path.join(PACKAGE, name),
            handleStatus: () => {},
            print: () => {},
            printErr: () => {},
        });
        wireshark.FS.writeFile('/plugins/flow2pcap.lua', fs.readFileSync(SCRIPT));
        wireshark.init();
        return new Newer(wireshark);
    }

    constructor(wireshark) {
        this.wireshark = wireshark;
        this.newNotes = 0;
    }

    version() {
        return this.wireshark.wiresharkVersion();
    }

    open(capture) {
        const name = `/uploads/${path.basename(capture)}`;
        this.wireshark.FS.writeFile(name, fs.readFileSync(capture));
        this.session = new this.wireshark.DissectSession(name);
        const { code, error } = this.session.load();
        if (code !== 0) {
            throw new Error(`${capture}: ${error}`);
        }
    }

    close() {
        this.session.delete();
    }

    packets() {
        const { frames } = this.session.getFrames('', 0, 0);
        const protocol = columnOf(this.wireshark.getColumns(), 'Protocol');
        return elements(frames).map((frame) => {
            const infos = [];
            collectInfos(this.session.getFrame(frame.number).tree, infos);
            const known = infos.filter((info) => !isOfOneVersion(info));
            this.newNotes += infos.length - known.length;
            return packet(frame.columns.get(protocol), known);
        });
    }

    // How many packets a filter finds; `undefined` where it is none.
    count(filter) {
        return this.wireshark.checkFilter(filter).ok ? this.session.getFrames(filter, 0, 0).matched : undefined;
    }
}

function elements(vector) {
    return Array.from({ length: vector.size() }, (_, index) => vector.get(index));
}

function columnOf(columns, name) {
    const index = elements(columns).indexOf(name);
    if (index < 0) {
        throw new Error(`there is no column ${name}`);
    }
    return index;
}

// "Expert Info (Warning/Sequence): Connection reset (RST)" is the label of the item above its message. Comments are
// expert infos too, but the label of one is only the comment.
function collectInfos(tree, infos) {
    for (const node of elements(tree)) {
        const info = /^Expert Info \([^)]*\): (.*)$/s.exec(node.label);
        if (info) {
            infos.push(info[1]);
        } else if (node.filter.startsWith('frame.comment ')) {
            infos.push(node.label);
        } else {
            collectInfos(node.tree, infos);
        }
    }
}

// How many packets each filter finds: the numbers of the row of a table that has two columns for each.
function countsOfTshark(capture, filters) {
    const lines = tshark(capture, ['-q', '-z', `io,stat,0,${filters.join(',')}`]);
    const row = lines.findLast((line) => line.includes('<>'));
    const cells = row.split('|').slice(2, -1).map(Number);
    return filters.map((_, index) => cells[2 * index]);
}

function compare(newer, capture, filters) {
    const differences = [];
    newer.open(capture);
    const [expected, found] = [packetsOfTshark(capture), newer.packets()];
    if (expected.length !== found.length) {
        differences.push(`${found.length} packets, and ${expected.length} in tshark`);
    }
    expected.forEach((text, index) => {
        if (found[index] !== undefined && found[index] !== text) {
            differences.push(`packet ${index + 1} is\n    ${found[index]}\n  and in tshark\n    ${text}`);
        }
    });
    let matches = 0;
    const counts = countsOfTshark(capture, filters);
    for (const [index, filter] of filters.entries()) {
        const narrowed = filter === WIDER_FILTER ? `http.request.method && ${filter}` : filter;
        const [here, there] = [newer.count(narrowed), counts[index]];
        matches += there;
        if (here !== there) {
            differences.push(`${filter}: ${here} packets, and ${there} in tshark`);
        }
    }
    newer.close();
    console.log(`${path.basename(capture)}: ${found.length} packets, ${matches} matches, ${differences.length} differences`);
    differences.slice(0, 10).forEach((difference) => console.log(`  ${difference}`));
    return { differences: differences.length, matches };
}

async function main(captures) {
    const filters = shownFilters();
    const newer = await Newer.start();
    const [older] = execFileSync('tshark', ['--version'], { encoding: 'utf8' }).split('\n');
    console.log(`Wireshark ${newer.version()} and ${older}, ${filters.length} filters`);
    const compared = captures.map((capture) => compare(newer, capture, filters));
    console.log(`${newer.newNotes} notes that tshark does not know`);
    const sum = (key) => compared.reduce((total, each) => total + each[key], 0);
    if (sum('matches') === 0) {
        throw new Error('no filter finds anything');
    }
    process.exitCode = sum('differences') === 0 ? 0 : 1;
}

main(process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exitCode = 1;
});

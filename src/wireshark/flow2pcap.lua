-- Fields from the packet comments of flow2pcap, for all packets of a record.
--
-- A comment is on the first packet of a record (convert --comments record). This post-dissector gives its
-- words to all packets of the record, as fields that can be filtered and shown in columns, and marks rejected
-- packets in the Info column. It changes nothing else, and packets without such comments get no fields.

local flowlog = Proto("flowlog", "Flow log record")

local texts = {
  { "action", "Action" },
  { "eni", "ENI" },
  { "direction", "Direction" },
  { "reject_reason", "Reject reason" },
  { "role", "Role" },
  { "outcome", "Outcome" },
  { "rejected_at", "Rejected at" },
  { "file", "File" },
}
local numbers = {
  { "packets", "Packets" },
  { "bytes", "Bytes" },
  { "flags", "TCP flags" },
  { "line", "Line" },
}
local fields = {}
for _, it in ipairs(texts) do
  fields[it[1]] = ProtoField.string("flowlog." .. it[1], it[2])
end
for _, it in ipairs(numbers) do
  fields[it[1]] = ProtoField.uint64("flowlog." .. it[1], it[2])
end
flowlog.fields = fields

local comments = Field.new("frame.comment")
local interface = Field.new("frame.interface_id")

-- The words of the frames that have any, by frame number; Wireshark dissects a frame many times, but in
-- order only once.
local known = {}
-- The latest record of each direction at each interface, by verdict.
local latest = {}

function flowlog.init()
  known = {}
  latest = {}
end

-- Returns the words of a comment, key=value, and the file and line of its last word, which is its record.
-- What is in quotes is text from a log of requests, and none of its words.
local function words(comment)
  local found = {}
  local facts = comment:gsub('\\"', ""):gsub('"[^"]*"?', "")
  for key, value in facts:gmatch("([%w%-_]+)=(%S+)") do
    if found[key] == nil then
      found[key] = value
    end
  end
  found.file, found.line = comment:match("^.* record=(.+):(%d+)$")
  return found
end

-- Returns the comment that is about the packet's record, if there is one.
local function own_words()
  for _, comment in ipairs({ comments() }) do
    local found = words(comment.value)
    if found.action == "ACCEPT" or found.action == "REJECT" then
      return found
    end
  end
end

-- Returns what the packets of one direction of one conversation have in common.
local function direction(pinfo)
  local at = interface()
  return table.concat({
    at and tostring(at.value) or "",
    tostring(pinfo.net_src), tostring(pinfo.src_port),
    tostring(pinfo.net_dst), tostring(pinfo.dst_port),
  }, " ")
end

-- Returns the words of the packet's record. The first packet of a record has them all, each further one
-- of a rejected record has its verdict, and each further one of an accepted record has none.
local function record(pinfo)
  local own = own_words()
  local key = direction(pinfo)
  local records = latest[key] or {}
  local action = own and own.action or "ACCEPT"
  if own and own.file then
    records[action] = own
    latest[key] = records
  end
  return records[action] or own
end

local function show(found, tree, pinfo)
  local shown = {
    action = found.action,
    eni = found.eni,
    direction = found.direction,
    reject_reason = found["reject-reason"],
    role = found.role,
    outcome = found.outcome,
    rejected_at = found["rejected-at"],
    file = found.file,
    packets = found.packets,
    bytes = found.bytes,
    flags = found.flags,
    line = found.line,
  }
  local own = tree:add(flowlog)
  own:set_generated()
  for _, it in ipairs(texts) do
    if shown[it[1]] then
      own:add(fields[it[1]], shown[it[1]]):set_generated()
    end
  end
  for _, it in ipairs(numbers) do
    local value = shown[it[1]]
    if value and value:match("^%d+$") then
      own:add(fields[it[1]], UInt64.new(0) + tonumber(value)):set_generated()
    end
  end
  if found.action == "REJECT" then
    pinfo.cols.info:prepend("[REJECT] ")
  end
end

function flowlog.dissector(_, pinfo, tree)
  if not pinfo.visited then
    known[pinfo.number] = record(pinfo)
  end
  local found = known[pinfo.number]
  if found then
    show(found, tree, pinfo)
  end
end

register_postdissector(flowlog)

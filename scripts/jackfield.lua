-- Wireshark (4.0 and later) shows jackfield's captures with this script:
--
--   wireshark -X lua_script:scripts/jackfield.lua capture.pcapng
--   tshark    -X lua_script:scripts/jackfield.lua -r capture.pcapng -Y jfreg
--
-- It adds four things:
--   jfreg   the registration protocol on TCP port 6800 (docs/registration-protocol.md)
--   jftrunk the trunk protocol on TCP port 6810 (docs/trunk-protocol.md)
--   jf125   the configuration string in DHCP option 125 for enterprise 1027, raw (layout A) or in a
--           sub-option (layout B, RFC 3925 section 4); stock Wireshark takes a correct layout A for
--           malformed
--   TFTP on UDP port 20001, next to port 69

---------------------------------------------------------------------------------------------------------
-- The registration protocol
---------------------------------------------------------------------------------------------------------

local jfreg = Proto("jfreg", "jackfield registration")

local HEADER_LEN = 12
local MESSAGE_LEN_MAX = 1024
local FLAG_RESET = 0x0001

local TYPES = {
    [1] = "Device Registration",
    [2] = "PIN Request",
    [3] = "PIN Entry",
    [4] = "Save PIN",
    [5] = "Clear PIN",
    [6] = "Redirect",
    [7] = "Registered",
    [8] = "Communications Up",
    [9] = "Heartbeat",
    [10] = "Heartbeat Answer",
    [11] = "Reset",
    [12] = "DN Changed",
    [13] = "Error",
}

local REASONS = {
    [1] = "no PIN",
    [2] = "invalid access code",
    [3] = "DN in use by another set",
    [4] = "unknown DN",
    [5] = "no CEID digits for the DN",
    [6] = "no ICP/PBX number for the CEID digits",
    [7] = "no address for the ICP/PBX number",
    [8] = "PBX number differs from the CEID index",
    [9] = "no trunk to the DN's element",
    [10] = "replacement code needs a MAC at the DN",
    [11] = "PIN no longer valid",
    [12] = "no free DN in the automatic range",
    [13] = "too many redirects",
    [14] = "access code of the stored PIN not valid here",
    [15] = "replaced by another set",
    [16] = "DN deleted",
    [17] = "MAC deleted",
    [18] = "deleted from Multiline IP Sets",
    [19] = "DN moved to another element",
    [100] = "malformed message",
    [101] = "unsupported version",
    [102] = "unexpected message",
    [103] = "timed out",
}

local RESET_KINDS = { [1] = "soft", [2] = "hard" }

local f = {
    magic = ProtoField.string("jfreg.magic", "Magic"),
    version = ProtoField.uint8("jfreg.version", "Version"),
    type = ProtoField.uint8("jfreg.type", "Type", base.DEC, TYPES),
    flags = ProtoField.uint16("jfreg.flags", "Flags", base.HEX),
    reset = ProtoField.bool("jfreg.flags.reset", "Reset", 16, { "yes", "no" }, FLAG_RESET),
    length = ProtoField.uint16("jfreg.length", "Length"),
    seq = ProtoField.uint32("jfreg.seq", "Sequence"),
    mac = ProtoField.ether("jfreg.mac", "MAC"),
    pin = ProtoField.string("jfreg.pin", "PIN"),
    device_type = ProtoField.string("jfreg.device_type", "Device type"),
    firmware = ProtoField.string("jfreg.firmware", "Firmware"),
    address = ProtoField.ipv4("jfreg.address", "Address"),
    fqdn = ProtoField.string("jfreg.fqdn", "FQDN"),
    dn = ProtoField.string("jfreg.dn", "DN"),
    reason = ProtoField.uint16("jfreg.reason", "Reason", base.DEC, REASONS),
    heartbeat_ms = ProtoField.uint32("jfreg.heartbeat_ms", "Heartbeat interval (ms)"),
    text = ProtoField.string("jfreg.text", "Text", base.UNICODE),
    reset_kind = ProtoField.uint8("jfreg.reset_kind", "Reset kind", base.DEC, RESET_KINDS),
    redirects = ProtoField.uint8("jfreg.redirects", "Redirects"),
    unknown = ProtoField.bytes("jfreg.unknown", "Unknown field"),
}
jfreg.fields = f

local bad = ProtoExpert.new("jfreg.bad", "Not a message", expert.group.MALFORMED, expert.severity.ERROR)
jfreg.experts = { bad }

-- Values as text for the Info column.
local function text(range) return range:len() > 0 and range:string(ENC_UTF_8) or "null" end
local function number(range) return tostring(range:uint()) end
local function named(names)
    return function(range) return names[range:uint()] or tostring(range:uint()) end
end

-- Field types: which field it is, the length that it must have (text has none), its text in the Info column.
local FIELDS = {
    [1] = { field = f.mac, len = 6, info = function(range) return range:bytes():tohex(true, ":") end },
    [2] = { field = f.pin, info = text, label = "pin " },
    [3] = { field = f.device_type },
    [4] = { field = f.firmware },
    [5] = { field = f.address, len = 4, info = function(range) return tostring(range:ipv4()) end },
    [6] = { field = f.fqdn, info = text },
    [7] = { field = f.dn, info = text, label = "dn " },
    [8] = { field = f.reason, len = 2, info = named(REASONS) },
    [9] = { field = f.heartbeat_ms, len = 4, info = number, label = "heartbeat ms " },
    [10] = { field = f.text, info = text },
    [11] = { field = f.reset_kind, len = 1, info = named(RESET_KINDS) },
    [12] = { field = f.redirects, len = 1 },
}

-- The fields that each message defines; any other is unknown there, as the document says.
local DEFINED = {
    [1] = { 1, 2, 3, 4, 5, 12 },
    [2] = { 8 },
    [3] = { 2 },
    [4] = { 2 },
    [5] = { 8 },
    [6] = { 5, 6, 7 },
    [7] = { 7, 9 },
    [8] = {},
    [9] = {},
    [10] = {},
    [11] = { 8, 11 },
    [12] = { 7 },
    [13] = { 8, 10 },
}

local function defines(message, kind)
    for _, defined in ipairs(DEFINED[message] or {}) do
        if defined == kind then return true end
    end
    return false
end

-- Says which of its fields a message lacks. A redirect has an address or an FQDN.
local function check_complete(tree, message, seen)
    for _, kind in ipairs(DEFINED[message] or {}) do
        local other = message == 6 and ({ [5] = 6, [6] = 5 })[kind]
        if not seen[kind] and not (other and seen[other]) then
            tree:add_proto_expert_info(bad, string.format("field %d is missing", kind))
        end
    end
end

-- One field at `at`; answers where the next one is.
local function add_field(tree, tvb, at, message, seen, info)
    if at + 2 > tvb:len() then
        tree:add_proto_expert_info(bad, "field without a length")
        return tvb:len()
    end
    local kind, len = tvb(at, 1):uint(), tvb(at + 1, 1):uint()
    if at + 2 + len > tvb:len() then
        tree:add_proto_expert_info(bad, "field is longer than the message")
        return tvb:len()
    end
    local known = defines(message, kind) and FIELDS[kind]
    if known and seen[kind] then
        tree:add_proto_expert_info(bad, string.format("field %d stands twice", kind))
    end
    seen[kind] = true
    if not known then
        local item = tree:add(f.unknown, tvb(at, 2 + len))
        item:set_text(string.format("Field %d, not known here (%d bytes)", kind, len))
    elseif known.len and known.len ~= len then
        tree:add_proto_expert_info(bad, string.format("field %d has %d bytes, wants %d", kind, len, known.len))
    elseif len == 0 then
        tree:add(known.field, tvb(at, 2), ""):append_text("null")
        if known.info then table.insert(info, (known.label or "") .. "null") end
    else
        local range = tvb(at + 2, len)
        tree:add(known.field, range)
        if known.info then table.insert(info, (known.label or "") .. known.info(range)) end
    end
    return at + 2 + len
end

-- Several messages share a segment: each has its place in the Info column.
local function add_info(pinfo, line)
    if pinfo.private.jf_seen == tostring(pinfo.number) then
        pinfo.cols.info:append(" | " .. line)
    else
        pinfo.cols.info:set(line)
    end
    pinfo.private.jf_seen = tostring(pinfo.number)
    pinfo.cols.info:fence()
end

-- One message, whole.
local function dissect_message(tvb, pinfo, root)
    local tree = root:add(jfreg, tvb())
    pinfo.cols.protocol = "jfreg"
    if tvb:len() < HEADER_LEN or tvb(0, 2):string() ~= "JF" or tvb(2, 1):uint() ~= 1 then
        tree:add_proto_expert_info(bad, "does not begin with \"JF\" and version 1")
        pinfo.cols.info:set("Not a message")
        return tvb:len()
    end
    local message = tvb(3, 1):uint()
    local name = TYPES[message] or string.format("Type %d", message)
    tree:add(f.magic, tvb(0, 2))
    tree:add(f.version, tvb(2, 1))
    tree:add(f.type, tvb(3, 1))
    local flags = tree:add(f.flags, tvb(4, 2))
    if message == 1 then flags:add(f.reset, tvb(4, 2)) end
    tree:add(f.length, tvb(6, 2))
    tree:add(f.seq, tvb(8, 4))

    local seen, info = {}, {}
    local at = HEADER_LEN
    while at < tvb:len() do
        at = add_field(tree, tvb, at, message, seen, info)
    end
    check_complete(tree, message, seen)
    if message == 1 and bit.band(tvb(4, 2):uint(), FLAG_RESET) ~= 0 then table.insert(info, "reset") end

    local line = name
    if #info > 0 then line = line .. ": " .. table.concat(info, ", ") end
    tree:append_text(", " .. line)
    add_info(pinfo, line)
    return tvb:len()
end

-- How long the message is that begins at an offset, with this magic and its length at `at` of a header of `least` bytes.
-- Bytes that begin no message are shown as one.
local function message_len(magic, least, at)
    return function(tvb, _, offset)
        local len = tvb(offset + at, 2):uint()
        if tvb(offset, 2):string() ~= magic or len < least or len > MESSAGE_LEN_MAX then
            return tvb:len() - offset
        end
        return len
    end
end

function jfreg.dissector(tvb, pinfo, root)
    dissect_tcp_pdus(tvb, root, HEADER_LEN, message_len("JF", HEADER_LEN, 6), dissect_message)
    return tvb:len()
end

DissectorTable.get("tcp.port"):add(6800, jfreg)

---------------------------------------------------------------------------------------------------------
-- The trunk protocol
---------------------------------------------------------------------------------------------------------

local jftrunk = Proto("jftrunk", "jackfield trunk")

local TRUNK_HEADER_LEN = 6
local NUMBER_LEN_MAX = 7

local TRUNK_TYPES = {
    [1] = "Hello",
    [2] = "Keep-Alive",
    [3] = "Keep-Alive Answer",
    [4] = "Numbers",
    [5] = "Numbers End",
    [6] = "Written",
}

local t = {
    magic = ProtoField.string("jftrunk.magic", "Magic"),
    version = ProtoField.uint8("jftrunk.version", "Version"),
    type = ProtoField.uint8("jftrunk.type", "Type", base.DEC, TRUNK_TYPES),
    length = ProtoField.uint16("jftrunk.length", "Length"),
    ceid = ProtoField.string("jftrunk.ceid", "CEID digits"),
    dn = ProtoField.string("jftrunk.dn", "DN"),
    count = ProtoField.uint32("jftrunk.count", "Count"),
    unknown = ProtoField.bytes("jftrunk.unknown", "Unknown body"),
}
jftrunk.fields = t

local trunk_bad =
    ProtoExpert.new("jftrunk.bad", "Not a message", expert.group.MALFORMED, expert.severity.ERROR)
jftrunk.experts = { trunk_bad }

-- Numbers to the end, each after its length. `characters` are those that one may have.
local function add_numbers(tree, tvb, field, characters)
    local numbers, at = {}, TRUNK_HEADER_LEN
    while at < tvb:len() do
        local len = tvb(at, 1):uint()
        if len < 1 or len > NUMBER_LEN_MAX or at + 1 + len > tvb:len() then
            tree:add_proto_expert_info(trunk_bad, "a number has 1 to 7 characters, all in the message")
            return numbers
        end
        local number = tvb(at + 1, len):string()
        tree:add(field, tvb(at + 1, len))
        if number:match(characters) ~= number then
            tree:add_proto_expert_info(trunk_bad, "not a number: " .. number)
        end
        table.insert(numbers, number)
        at = at + 1 + len
    end
    return numbers
end

-- What follows the header of a message of this type, and its text in the Info column.
local function add_body(tree, tvb, message)
    local len = tvb:len() - TRUNK_HEADER_LEN
    if message == 1 then
        local numbers = add_numbers(tree, tvb, t.ceid, "%d+")
        if #numbers ~= 1 then tree:add_proto_expert_info(trunk_bad, "not the digits of one CEID") end
        return ", CEID digits " .. table.concat(numbers, " ")
    elseif message == 4 then
        return ", " .. table.concat(add_numbers(tree, tvb, t.dn, "[%d*#]+"), " ")
    elseif message == 5 or message == 6 then
        if len ~= 4 then
            tree:add_proto_expert_info(trunk_bad, "a count has 4 bytes")
            return ""
        end
        tree:add(t.count, tvb(TRUNK_HEADER_LEN, 4))
        return ", " .. tvb(TRUNK_HEADER_LEN, 4):uint()
    elseif len > 0 then
        tree:add(t.unknown, tvb(TRUNK_HEADER_LEN, len))
    end
    return ""
end

-- One message, whole.
local function dissect_trunk_message(tvb, pinfo, root)
    local tree = root:add(jftrunk, tvb())
    pinfo.cols.protocol = "jftrunk"
    if tvb:len() < TRUNK_HEADER_LEN or tvb(0, 2):string() ~= "JT" or tvb(2, 1):uint() ~= 1 then
        tree:add_proto_expert_info(trunk_bad, "does not begin with \"JT\" and version 1")
        add_info(pinfo, "Not a message")
        return tvb:len()
    end
    local message = tvb(3, 1):uint()
    tree:add(t.magic, tvb(0, 2))
    tree:add(t.version, tvb(2, 1))
    tree:add(t.type, tvb(3, 1))
    local length = tree:add(t.length, tvb(4, 2))
    if tvb(4, 2):uint() ~= tvb:len() then
        length:add_proto_expert_info(trunk_bad, "a message has 6 to 1024 bytes")
    end
    local name = TRUNK_TYPES[message] or string.format("Unknown, type %d", message)
    local line = name .. add_body(tree, tvb, message)
    tree:append_text(", " .. line)
    add_info(pinfo, line)
    return tvb:len()
end

-- The port may be another's: a segment that does not begin as a message is left to others.
function jftrunk.dissector(tvb, pinfo, root)
    local begin = tvb(0, math.min(2, tvb:len())):string()
    if begin ~= ("JT"):sub(1, #begin) then return 0 end
    local len = message_len("JT", TRUNK_HEADER_LEN, 4)
    dissect_tcp_pdus(tvb, root, TRUNK_HEADER_LEN, len, dissect_trunk_message)
    return tvb:len()
end

DissectorTable.get("tcp.port"):add(6810, jftrunk)

---------------------------------------------------------------------------------------------------------
-- Option 125 for enterprise 1027
---------------------------------------------------------------------------------------------------------

local jf125 = Proto("jf125", "Phone configuration (option 125, enterprise 1027)")

local ID = "id:ipphone.mitel.com"
local TAGS = { "sw_tftp", "call_srv", "ipa_srv", "vlan", "l2p", "dscp", "app_proxy" }

local o = {
    layout = ProtoField.string("jf125.layout", "Layout"),
    suboption = ProtoField.uint8("jf125.suboption", "Sub-option"),
    suboption_len = ProtoField.uint8("jf125.suboption_len", "Sub-option length"),
    id = ProtoField.string("jf125.id", "Identifier"),
    tag = ProtoField.string("jf125.tag", "Tag"),
    data = ProtoField.bytes("jf125.data", "Data"),
}
local fields_of_tags = {}
for _, tag in ipairs(TAGS) do
    fields_of_tags[tag] = ProtoField.string("jf125.tag." .. tag, tag)
    o["tag_" .. tag] = fields_of_tags[tag]
end
jf125.fields = o

local defect =
    ProtoExpert.new("jf125.defect", "A set refuses this", expert.group.MALFORMED, expert.severity.WARN)
jf125.experts = { defect }

-- The string `id:ipphone.mitel.com;tag=value;...` at `from`, `len` bytes.
local function add_string(tree, tvb, from, len)
    local at = from
    for part in (tvb(from, len):string() .. ";"):gmatch("([^;]*);") do
        local range = #part > 0 and tvb(at, #part)
        local name, value = part:match("^%s*([%w_]+)%s*=%s*(.-)%s*$")
        if at == from then
            tree:add(o.id, range or tvb(at, 0))
            if part ~= ID then tree:add_proto_expert_info(defect, "does not begin with " .. ID) end
        elseif name then
            local item = tree:add(o.tag, range)
            if fields_of_tags[name] then item:add(fields_of_tags[name], range, value) end
        elseif range and part:match("%S") then
            tree:add(o.tag, range)
            tree:add_proto_expert_info(defect, "not tag=value: " .. part)
        end
        at = at + #part + 1
    end
end

-- Called with what follows the data length.
function jf125.dissector(tvb, _, root)
    local tree = root:add(jf125, tvb())
    local at, len = 0, tvb:len()
    -- Layout A first: read as sub-options, "id" is sub-option 105 of length 100, which can even fit.
    if len >= 3 and tvb(at, 3):string() == "id:" then
        tree:add(o.layout, "A, raw"):set_generated()
        add_string(tree, tvb, at, len)
        return len
    end
    -- Layout C: the data length is missing, and the "i" of "id:" was taken for it.
    if len >= 2 and tvb(at, 2):string() == "d:" then
        tree:add(o.layout, "C, defective"):set_generated()
        tree:add(o.data, tvb())
        tree:add_proto_expert_info(defect, "the data length is missing")
        return len
    end
    tree:add(o.layout, "B, sub-options"):set_generated()
    while at < len do
        local value_len = at + 2 <= len and tvb(at + 1, 1):uint()
        if not value_len or at + 2 + value_len > len then
            tree:add(o.data, tvb(at))
            tree:add_proto_expert_info(defect, "neither the string nor a sub-option")
            return len
        end
        tree:add(o.suboption, tvb(at, 1))
        tree:add(o.suboption_len, tvb(at + 1, 1))
        if value_len > 0 then add_string(tree, tvb, at + 2, value_len) end
        at = at + 2 + value_len
    end
    return len
end

DissectorTable.get("dhcp.enterprise"):add(1027, jf125)

---------------------------------------------------------------------------------------------------------
-- TFTP on port 20001
---------------------------------------------------------------------------------------------------------

DissectorTable.get("udp.port"):add(20001, Dissector.get("tftp"))

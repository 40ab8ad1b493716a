// The checks of the file, its folder and who may open it.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "slotd/layout.hpp"
#include "tools/slotctl/doctor/checks.hpp"

namespace slotd::ctl {

namespace {

constexpr mode_t kWritableByAll = S_IWOTH;
constexpr uid_t kFirstOrdinaryUser = 1000;

Finding ok(const char* check, std::string found) {
  return {check, Level::kOk, std::move(found), {}};
}

std::string mode_text(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return text.data();
}

std::string owner_text(const FileFacts& file) {
  return file.owner + ':' + file.group + ' ' + mode_text(file.mode);
}

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

/// What a segment that could not be opened asks for.
std::string remedy_of(Errc code) {
  switch (code) {
    case Errc::kNoSegment:
      return "start the broker (systemctl start slotd), or name the segment: --segment, "
             "SLOTD_SEGMENT; a container needs the folder mounted, not the file";
    case Errc::kPermissionDenied:
      return "join the segment's group, then log in again; or run this as a member or as root";
    case Errc::kNotReady:
    case Errc::kRetired:
      return "the broker is making or replacing it: look again; if it stays like this, start the "
             "broker: systemctl restart slotd";
    case Errc::kLayoutMismatch:
      return "use one release of slotd for broker, workers and slotctl";
    case Errc::kCorrupt:
      return "a broker that runs rebuilds it within 100 ms; if it stays like this, restart the "
             "broker: systemctl restart slotd";
    default:
      return "see what the text says";
  }
}

}  // namespace

Finding check_segment(const SegmentFacts& segment) {
  if (segment.read_code == Errc::kOk) {
    return ok("segment", segment.path + ", " + std::to_string(segment.file.bytes) +
                             " bytes, layout " + std::to_string(kLayout));
  }
  // The library's text is for people and has the path in it.
  return {"segment", Level::kFail, segment.read_detail, remedy_of(segment.read_code)};
}

Finding check_place(const SegmentFacts& segment) {
  if (segment.file.is_on_tmpfs) return ok("place", "on tmpfs");
  return {"place", Level::kWarn, "not on tmpfs: its pages are written back to a disk",
          "put it on tmpfs (segment.path: /run/slotd/segment)"};
}

Finding check_permissions(const SegmentFacts& segment) {
  const FileFacts& file = segment.file;
  const FileFacts& folder = segment.folder;
  const std::string found = "file " + owner_text(file) + ", folder " + owner_text(folder);
  if ((file.mode & kWritableByAll) != 0) {
    return {"permissions", Level::kWarn, found + ": anybody may write the segment",
            "set segment.mode to 0660 and reload"};
  }
  if ((folder.mode & kWritableByAll) != 0) {
    const bool is_sticky = (folder.mode & S_ISVTX) != 0;
    return {"permissions", is_sticky ? Level::kWarn : Level::kFail,
            found + (is_sticky ? ": anybody may put files beside the segment"
                               : ": anybody may replace the segment"),
            "keep it in a folder that only the broker's user may write"};
  }
  if (folder.uid != file.uid && folder.uid != 0) {
    return {"permissions", Level::kWarn,
            found + ": " + folder.owner + " owns the folder and may replace the segment",
            "give the folder to " + file.owner};
  }
  return ok("permissions", found);
}

Finding check_membership(const SegmentFacts& segment, const CallerFacts& caller) {
  constexpr char kCheck[] = "membership";
  const FileFacts& file = segment.file;
  const bool is_in_group =
      std::find(caller.groups.begin(), caller.groups.end(), file.gid) != caller.groups.end();
  if (segment.write_code != Errc::kPermissionDenied &&
      segment.read_code != Errc::kPermissionDenied) {
    const std::string why = caller.uid == 0          ? "is root"
                            : caller.uid == file.uid ? "owns the segment"
                            : is_in_group            ? "is in group " + file.group
                                                     : "is neither its owner nor in its group";
    return ok(kCheck, caller.name + " may claim: " + why);
  }
  const bool may_read = segment.read_code != Errc::kPermissionDenied;
  const Level level = may_read ? Level::kWarn : Level::kFail;
  const std::string found =
      caller.name + (may_read ? " may only look, not claim" : " may not open the segment");
  if (is_in_group) {
    return {kCheck, level, found + ", although in group " + file.group,
            "see the permissions of the file and of each folder above it"};
  }
  if (caller.is_listed_in_group) {
    return {kCheck, level, found + ": in group " + file.group + ", but not in this session",
            "log in again, or: newgrp " + file.group};
  }
  return {kCheck, level, found + ": not in group " + file.group,
          "usermod -aG " + file.group + ' ' + caller.name + ", then log in again"};
}

Finding check_remove_ipc(const SegmentFacts& segment, const HostFacts& host) {
  constexpr char kCheck[] = "logout";
  const bool is_ordinary = segment.file.uid >= kFirstOrdinaryUser;
  if (!host.has_logind) return ok(kCheck, "no logind here that would remove anything");
  if (!is_ordinary) return ok(kCheck, "the segment of a system user stays when users log out");
  if (host.owner_lingers) return ok(kCheck, segment.file.owner + " lingers: it stays at logout");
  const std::string linger = "loginctl enable-linger " + segment.file.owner;
  if (starts_with(segment.path, "/run/user/")) {
    return {kCheck, Level::kWarn,
            "removed when the last session of " + segment.file.owner + " ends", linger};
  }
  if (!starts_with(segment.path, "/dev/shm/"))
    return ok(kCheck, "logind removes nothing in this folder");
  if (host.remove_ipc && !*host.remove_ipc)
    return ok(kCheck, "RemoveIPC=no in " + host.remove_ipc_file);
  return {kCheck, Level::kWarn,
          "RemoveIPC: logind removes it when the last session of " + segment.file.owner + " ends",
          "run slotd as its system user; or " + linger + "; or RemoveIPC=no in logind.conf"};
}

Finding check_protected_files(const SegmentFacts& segment, const HostFacts& host) {
  constexpr char kCheck[] = "sysctl";
  const mode_t mode = segment.folder.mode;
  const bool is_shared = (mode & S_ISVTX) != 0 && (mode & (S_IWOTH | S_IWGRP)) != 0;
  const std::string figure =
      host.protected_regular ? "fs.protected_regular is " + std::to_string(*host.protected_regular)
                             : "fs.protected_regular cannot be read";
  if (!is_shared) return ok(kCheck, figure + ", of no effect in this folder");
  return {kCheck, Level::kWarn,
          figure +
              " and the folder is sticky: another user's file there, a lock file too, "
              "cannot be opened by the broker, or was put there to fool it",
          "keep the segment in a folder of its own (segment.path: /run/slotd/segment)"};
}

}  // namespace slotd::ctl

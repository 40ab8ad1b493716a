# cmake -DFAULT=name -DFROM_DIR=include/slotd -DTO_DIR=... -P seeded_faults.cmake
#
# Copies the protocol's headers with one text replaced: a deliberate bug that the step harness has to catch. The text
# must be there exactly once, so that a change of the header cannot quietly turn a fault into none.
if(FAULT STREQUAL "free_before_proof")
  # A live owner's words are freed as if it were proven gone.
  set(file process_table.hpp)
  set(from [==[if (life == OwnerLife::kAlive) return false;]==])
  set(to [==[if (life == OwnerLife::kAlive) return true;]==])
elseif(FAULT STREQUAL "skipped_generation")
  # A change of owner leaves the generation: the old token stays good.
  set(file slot_word.hpp)
  set(from [==[return make(owner, state(), type(), cost_milli(), generation() + 1U);]==])
  set(to [==[return make(owner, state(), type(), cost_milli(), generation());]==])
elseif(FAULT STREQUAL "publish_after_scan")
  # The word is published only after the scan that found room.
  set(file quick_claim.hpp)
  set(from [==[return prepare(rules) && take_word() &&
           is_room(rules, SlotState::kTentative, OwnWord::kPublished) && admit();]==])
  set(to [==[return prepare(rules) && is_room(rules, SlotState::kTentative, OwnWord::kNone) && take_word() &&
           admit();]==])
elseif(FAULT STREQUAL "entry_reused_early")
  # The recycler does not look whether somebody is about to write the entry's index into a word.
  set(file process_table.hpp)
  set(from [==[if (is_hazard(index)) return false;
    if (!sweep_words(index, attach)) return false;]==])
  set(to [==[if (!sweep_words(index, attach)) return false;]==])
elseif(FAULT STREQUAL "mark_without_wake")
  # Who marks a dead owner in the kernel's place wakes nobody.
  set(file presence.hpp)
  set(from [==[if (waiters != 0) futex_wake(presence_futex(entry.presence), 1, FutexScope::kShared);]==])
  set(to [==[(void)waiters;]==])
else()
  message(FATAL_ERROR "no seeded fault '${FAULT}'")
endif()

file(REMOVE_RECURSE ${TO_DIR})
file(COPY ${FROM_DIR}/ DESTINATION ${TO_DIR})
file(READ ${FROM_DIR}/${file} text)
string(REPLACE "${from}" "" without "${text}")
string(LENGTH "${text}" length)
string(LENGTH "${without}" length_without)
string(LENGTH "${from}" length_from)
math(EXPR found "(${length} - ${length_without}) / ${length_from}")
if(NOT found EQUAL 1)
  message(FATAL_ERROR "seeded fault ${FAULT}: its text is ${found} times in ${file} and must be there once:\n${from}")
endif()
string(REPLACE "${from}" "${to}" text "${text}")
file(WRITE ${TO_DIR}/${file} "${text}")

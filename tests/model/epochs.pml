/* epochs.pml: config and samples, each two blocks with one epoch; no claim decides on a mixed set.
 *
 * Stands for: the paragraph "Config and samples are each two blocks" and step 4 of the design's claim; in C++
 *   include/slotd/ledger.hpp    load_stamp() before a pass, is_current() behind an acquire fence after it
 *   broker/ledger/publish.cpp   begin_filling(): fence before a fill; flip by one store
 * Not for: the words that the claim scans meanwhile (rule.pml).
 *
 * Two sets (0 config, 1 samples), each with blocks of FIELDS fields. Version v of a set is FIELDS times v in block v % 2, published by
 * epoch = v. The broker publishes versions up to LAST of either set, in any mixture, and may be killed before any store; a new one
 * starts over with what it finds: the epoch is true, the idle block is garbage. Fields hold
 * what a fill left that was never flipped.
 *
 * Memory order. The model is sequentially consistent, so the two fences are modelled by what their absence would allow:
 *   M_NO_READ_FENCE   the second load of the epochs may be satisfied before the fields are read
 *   M_NO_FLIP_FENCE   the first store of the next fill may be seen before the flip that made its block idle
 * Other mutants, each must fail:
 *   M_BEFORE_ONLY     epochs are loaded only before the pass
 *   M_FILL_LIVE       the broker fills the block in force
 *   M_ONE_EPOCH       only the config's epoch is checked after the pass
 *   M_FLIP_FIRST      the flip comes before the fill
 *   M_TRUST_IDLE      a new broker takes the idle block's fields for whole and flips without filling it
 *
 * Checked: fields of a set that a verdict uses are all of one version, those of both sets were in force together at an instant of
 * the pass; a broker that is killed delays no verdict (no deadlock); with pan -l -f a claimant ends when reloads end. */

#ifndef LAST
#define LAST 3
#endif
#ifndef FIELDS
#define FIELDS 2
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifdef M_FILL_LIVE
#define FILLED(v) ((v) + 1)
#else
#define FILLED(v) (v)
#endif
#define FIELD(s, v, k) field[(s) * 2 * FIELDS + ((v) % 2) * FIELDS + (k)]

byte epoch[2];
byte field[4 * FIELDS];           /* set, block, field; the epochs start at 0 with zeroes in both blocks */
byte kills;
bool together[(LAST + 1) * (LAST + 1)];   /* ghost: versions that were in force at one instant of the pass in progress */
hidden byte zx;

inline observe() { together[epoch[0] * (LAST + 1) + epoch[1]] = true }
inline forget() { zx = 0; do :: zx < (LAST + 1) * (LAST + 1) -> together[zx] = false; zx++ :: else -> break od; zx = 0 }

/* The broker. Each run knows nothing but the segment: the version to publish is told from the epoch alone. */
proctype Broker() {
  byte s, k, v;
again:
  if
  :: atomic { epoch[0] < LAST -> s = 0; v = epoch[0] + 1 }
  :: atomic { epoch[1] < LAST -> s = 1; v = epoch[1] + 1 }
  :: epoch[0] == LAST && epoch[1] == LAST -> goto out
  fi;
#ifdef M_FLIP_FIRST
  atomic { epoch[s] = v; observe() }
#endif
#ifdef M_TRUST_IDLE
  k = (FIELD(s, v, 0) == v -> FIELDS : 0);             /* what a former broker began looks done */
#endif
  do
  :: atomic { k < FIELDS -> FIELD(s, FILLED(v), k) = v; k++ }
  :: k == FIELDS -> break
  :: atomic { kills < KILLS -> kills++; s = 0; k = 0; v = 0; goto again }    /* SIGKILL before a store, or before the flip; a new broker */
  od;
#ifdef M_NO_FLIP_FENCE
  if :: v < LAST -> FIELD(s, v + 1, 0) = v + 1 :: true fi;   /* the first store of the next fill overtakes the flip */
#endif
#ifndef M_FLIP_FIRST
  atomic { epoch[s] = v; observe() }
#endif
  atomic { s = 0; k = 0; v = 0; goto again }
out: skip
}

/* A claim: epochs, a pass, epochs again, verdict; if one differs its passes start anew. */
proctype Claimer() {
  byte e0, e1, k, got[2 * FIELDS];
  bool same;
again:
  atomic { e0 = epoch[0]; forget() }
  e1 = epoch[1];
#ifdef M_NO_READ_FENCE
  same = true; if :: same = (e0 == epoch[0] && e1 == epoch[1]) fi;
#endif
  d_step { observe() }                                 /* the first instant of the pass */
  do
  :: atomic { k < FIELDS -> got[k] = FIELD(0, e0, k); k++ }
  :: atomic { k >= FIELDS && k < 2 * FIELDS -> got[k] = FIELD(1, e1, k - FIELDS); k++ }
  :: k == 2 * FIELDS -> break
  od;
#if defined(M_BEFORE_ONLY)
  same = true;
#elif !defined(M_NO_READ_FENCE)
  same = (e0 == epoch[0]);
#ifndef M_ONE_EPOCH
  same = same && (e1 == epoch[1]);
#endif
#endif
  atomic {
    k = 0;
    if
    :: same ->
       do
       :: k < FIELDS -> assert(got[k] == e0); assert(got[FIELDS + k] == e1); k++
       :: else -> break
       od;
       assert(together[e0 * (LAST + 1) + e1])
    :: else
    fi;
    k = 0; zx = 0
  }
  if :: !same -> goto again :: else fi
}

init { atomic { run Broker(); run Claimer() } }

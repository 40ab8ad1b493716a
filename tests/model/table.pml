/* table.pml: no free word. One limit that nothing reaches, NS words for more claimants than words.
 *
 * Stands for: "No free word" of the design's claim, with the conflict's bound; in C++ include/slotd/claim_slow.hpp,
 * look_full_table() and judge_full_table(). An earlier reason found in that look is rule.pml's refusal and is left out here: the limit is not reached.
 * Words, generations and steps are as in rule.pml. Process 0 may stop at any step, in CLAIMING too (STOP); winners may release (REL).
 *
 * The rule as checked: what keeps a claimant from a word is every word that is not FREE. CLAIMING and TENTATIVE words are the conflict:
 * the claimant notes their values, waits for the lowest to change, and after the bound looks in two passes; counted are words that
 * both passes show with the same value: held, or TENTATIVE or CLAIMING with the noted value. If these are all words: `contended`.
 * Mutants, each must fail: M_CLAIMING_UNNOTED   only TENTATIVE values are noted and counted, as for a limit: beside a process that
 *                          stopped in CLAIMING a claimant starts again for ever (needs pan -l -f)
 *                          M_ONE_PASS           table_full after one pass that shows every word held
 *
 * Checked: `table_full` only if at an instant of the claim every word was held; of running claimants min(NP, NS) win where nobody
 * releases, a stopped one costs at most one of them; no deadlock; no livelock with LIVE. */
#ifndef NP
#define NP 3
#endif
#ifndef NS
#define NS 2
#endif
#ifndef NCL
#define NCL 1
#endif
#define FREE 0
#define CLAIM 1
#define TENT 2
#define HELD 3
#define WORD(g, o, s) ((g) * 16 + (o) * 4 + (s))
#define ST(v) ((v) & 3)
#define OWNER(v) (((v) >> 2) & 3)
#define GEN(v) ((v) >> 4)
#define SEEN(p, x) seen[(p) * NS + (x)]
#define NOTE(p, x) note[(p) * NS + (x)]

byte w[NS], seen[NP * NS], note[NP * NS], low[NP], lowv[NP], cur[NP], my[NP];
bool stop[NP], in_claim[NP], saw_table[NP];
byte won, done;
hidden byte zp, zx, zg, zn;
hidden int zu;

inline fresh(x) {
  zu = 0; zp = 0; zg = 0;
  do
  :: zp < NP ->
     if :: SEEN(zp, x) -> zu = zu | (1 << GEN(SEEN(zp, x))) :: else fi;
     if :: NOTE(zp, x) -> zu = zu | (1 << GEN(NOTE(zp, x))) :: else fi;
     if :: low[zp] == x && lowv[zp] -> zu = zu | (1 << GEN(lowv[zp])) :: else fi;
     zp++
  :: else -> break
  od;
  do :: (zu >> zg) & 1 -> zg++ :: else -> break od;
  zp = 0
}
inline observe() {
  zn = 0; zx = 0; zp = 0;
  do :: zx < NS -> zn = zn + (ST(w[zx]) == HELD); zx++ :: else -> break od;
  do :: zp < NP -> saw_table[zp] = saw_table[zp] || (in_claim[zp] && zn == NS); zp++ :: else -> break od;
  zp = 0
}
inline move_own(s) {
  assert(w[my[id]] == cur[id]);
  w[my[id]] = (s == FREE -> 0 : WORD(GEN(cur[id]), id, s)); cur[id] = w[my[id]]; observe()
}
inline forget() { zx = 0; do :: zx < NS -> SEEN(id, zx) = 0; NOTE(id, zx) = 0; zx++ :: else -> break od; zx = 0 }

#define SEARCH 0
#define PUBLISH 1
#define ADMIT 2
#define PASS 3
#define WAIT 4
#define LOOK1 5
#define LOOK2 6
#define ANSWERED 7
#define RELEASE 8
#define STOPPED 9
#ifdef LIVE
#define WAIT_ENDS (stop[OWNER(lowv[id])])
#else
#define WAIT_ENDS true
#endif
#ifdef M_CLAIMING_UNNOTED
#define NOTED(v) (ST(v) == TENT)
#else
#define NOTED(v) (ST(v) == TENT || ST(v) == CLAIM)
#endif

proctype Claimer(byte id) {
  byte pc, i, held, both, free, claims;
  bool noted;
  { do
    :: d_step { pc == SEARCH ->                        /* the search reads one word a step: a word that comes free behind it is missed */
         if :: i == 0 && !in_claim[id] -> in_claim[id] = true; observe() :: else fi;
         if
         :: ST(w[i]) == FREE -> fresh(i); my[id] = i; cur[id] = WORD(zg, id, CLAIM); w[i] = cur[id]; observe(); i = 0; pc = PUBLISH
         :: else -> i++; if :: i == NS -> i = 0; pc = PASS :: else fi
         fi;
         zx = 0 }
    :: d_step { pc == PUBLISH -> move_own(TENT); pc = ADMIT }
    :: d_step { pc == ADMIT -> move_own(HELD); won = won + (stop[id] -> 0 : 1); pc = ANSWERED }

    :: d_step { pc == PASS ->                          /* the look without a word */
         if
         :: ST(w[i]) == HELD ->
            held++; both = both + (SEEN(id, i) && GEN(SEEN(id, i)) == GEN(w[i])); SEEN(id, i) = w[i]
         :: ST(w[i]) == FREE -> free++; SEEN(id, i) = 0
         :: else ->
            SEEN(id, i) = 0;
            if :: !noted && NOTED(w[i]) -> NOTE(id, i) = w[i] :: else fi;
            if :: lowv[id] == 0 -> low[id] = i; lowv[id] = w[i] :: else fi
         fi;
         i++;
         if
         :: i < NS
         :: i == NS && free -> low[id] = 0; lowv[id] = 0; if :: noted :: else -> forget() fi; pc = SEARCH; i = 0
#ifdef M_ONE_PASS
         :: i == NS && !free && held == NS -> pc = ANSWERED; i = 0
#else
         :: i == NS && !free && held == NS && both == NS -> pc = ANSWERED; i = 0
         :: i == NS && !free && held == NS && both < NS -> i = 0
#endif
         :: i == NS && !free && held < NS -> noted = true; zx = 0; do :: zx < NS -> SEEN(id, zx) = 0; zx++ :: else -> break od; pc = WAIT; i = 0
         fi;
         if :: i == 0 -> held = 0; both = 0; free = 0 :: else fi;
         if :: pc == ANSWERED -> assert(saw_table[id]) :: else fi;
         zx = 0 }
    :: d_step { pc == WAIT && w[low[id]] != lowv[id] -> low[id] = 0; lowv[id] = 0; pc = SEARCH }
    :: d_step { pc == WAIT && WAIT_ENDS -> low[id] = 0; lowv[id] = 0; pc = LOOK1 }
    :: d_step { pc == LOOK1 ->
         SEEN(id, i) = (ST(w[i]) == HELD || (w[i] && w[i] == NOTE(id, i)) -> w[i] : 0);
         i++; if :: i == NS -> i = 0; pc = LOOK2 :: else fi; zx = 0 }
    :: d_step { pc == LOOK2 ->
         both = both + (SEEN(id, i) && SEEN(id, i) == w[i]); SEEN(id, i) = 0; NOTE(id, i) = 0;
         i++;
         if :: i == NS -> pc = (both == NS -> ANSWERED : SEARCH); both = 0; i = 0; noted = false :: else fi;
         zx = 0 }
    :: d_step { pc == ANSWERED ->
         forget(); noted = false; in_claim[id] = false; saw_table[id] = false; low[id] = 0; lowv[id] = 0; claims++;
#ifdef REL
         pc = (cur[id] -> RELEASE : (claims < NCL -> SEARCH : STOPPED))
#else
         pc = (claims < NCL -> SEARCH : STOPPED); cur[id] = 0; my[id] = 0
#endif
       }
    :: d_step { pc == RELEASE -> move_own(FREE); my[id] = 0; pc = (claims < NCL -> SEARCH : STOPPED) }
    :: pc == STOPPED -> break
    od
  } unless { stop[id] };
  done++
}
#define MIN(x, y) ((x) < (y) -> (x) : (y))
init {
  atomic {
    run Claimer(0); run Claimer(1);
#if NP > 2
    run Claimer(2)
#endif
  }
#ifdef STOP
  if :: stop[0] = true :: true fi;
#endif
  d_step { done == NP ->
#ifdef REL
    assert(won >= 1 || stop[0])
#else
    assert(stop[0] || won == MIN(NP * NCL, NS));
    assert(won >= MIN((NP - 1) * NCL, NS - 1))
#endif
  }
}

#pragma once
// The independent judge of a settled network: looks only at what the nodes have stored and promised.

#include <string>
#include <vector>

#include "tests/simulation/workload.h"

namespace tocsin::simulation {

// One line for each thing that is wrong, what Watch saw on the way first; empty when all is well.
//   I1, I2  every promise lies in the ledger, and the ledger extends every head promised
//   I5      every tree, our own and those we hold, recomputes from the leaves on disk
//   I13     every published signal is known everywhere; every retraction is applied everywhere and answered
//   I14     nothing retracted matches anywhere
//   I16     every node holds every other's whole ledger
//   I18     a signal's own state comes from its issuer's records alone
//   I21     nobody honest is accused of two histories
//   I25     nothing that was not published is known anywhere but at home
//   replay  the cases equal a fold of the ledgers from nothing
//   audit   `audited`: the auditor's verifier finds nothing in any node's bundle, nor between them
std::vector<std::string> check(SimNetwork& network, const Done& done, bool audited);

}  // namespace tocsin::simulation

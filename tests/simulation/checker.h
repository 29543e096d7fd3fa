#pragma once
// The independent judge of a settled network: looks only at what the nodes have stored and promised.

#include <string>
#include <vector>

#include "tests/simulation/workload.h"

namespace tocsin::simulation {

// One line for each thing that is wrong; empty when all is well.
//   I1/I2  every promise lies in the ledger, and the ledger extends every head promised
//   I16    every node holds every other's whole ledger
//   I13    every published signal is known everywhere, every retraction is applied everywhere and answered to
//   its issuer I14    nothing retracted matches anywhere I25    nothing that was not published is known
//   anywhere but at home replay the cases equal a fold of the ledgers from nothing
std::vector<std::string> check(SimNetwork& network, const Done& done);

}  // namespace tocsin::simulation

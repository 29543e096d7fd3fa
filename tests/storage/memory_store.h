#pragma once
// A real store on RocksDB's in-memory environment, which can be closed and opened again.

#include <memory>

#include <rocksdb/env.h>

#include "storage/store.h"
#include "tests/support/catch.h"

namespace tocsin::storage {

struct MemoryStore {
  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  std::unique_ptr<Store> store;

  MemoryStore() { reopen(); }
  void reopen() {
    store.reset();
    auto opened = Store::open("/node", StoreOptions{env.get(), 1 << 20, 4 << 20, 256 << 10});
    if (!opened) FAIL(opened.error().message);
    store = std::move(*opened);
  }
  Store& operator*() { return *store; }
  Store* operator->() { return store.get(); }
};

inline Hash hash_of(std::uint8_t fill) {
  Hash out;
  out.fill(fill);
  return out;
}

}  // namespace tocsin::storage

#include "protocol/log/slots.h"

#include "crypto/base/encoding.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace tocsin::protocol {
namespace {

using Values = std::vector<SlotValue>;

Values values_of(const boost::json::value& list, SlotClass slot_class) {
  Values out;
  for (const auto& v : list.as_array()) {
    const auto slot = static_cast<std::uint8_t>(test::number(v.at("slot")));
    if (class_of(slot) != slot_class) continue;
    out.push_back(
        {slot, static_cast<std::uint16_t>(test::number(v.at("type"))), test::hex_bytes(v.at("value"))});
  }
  return out;
}

Hash filled(std::uint8_t byte) {
  Hash hash;
  hash.fill(byte);
  return hash;
}

TEST_CASE("slot commitments, roots and openings agree with the published vectors") {
  const auto vectors = test::own_vectors("slots.json");
  REQUIRE(vectors.at("cases").as_array().size() == 4);
  for (const auto& c : vectors.at("cases").as_array()) {
    INFO(c.at("name").as_string().c_str());
    const Hash keys[] = {test::hex_hash(c.at("key_a")), test::hex_hash(c.at("key_p"))};
    const Hash roots[] = {test::hex_hash(c.at("class_a_root")), test::hex_hash(c.at("class_p_root"))};
    const Hash body = test::hex_hash(c.at("body_root"));
    for (unsigned k = 0; k < 2; ++k) {
      const auto slot_class = static_cast<SlotClass>(k);
      const Values values = values_of(c.at("values"), slot_class);
      const auto commitments = class_commitments(slot_class, keys[k], values);
      REQUIRE(commitments);
      for (unsigned i = 0; i < kClassSlots; ++i)
        CHECK((*commitments)[i] == test::hex_hash(c.at("commitments").at(k * kClassSlots + i)));
      const auto root = class_root(slot_class, keys[k], values);
      REQUIRE(root);
      CHECK(*root == roots[k]);
    }
    CHECK(body_root(roots[0], roots[1]) == body);
    for (const auto& o : c.at("openings").as_array()) {
      const auto slot = static_cast<std::uint8_t>(test::number(o.at("slot")));
      const auto k = static_cast<unsigned>(class_of(slot));
      const auto opening = open_slot(slot, keys[k], values_of(c.at("values"), class_of(slot)), roots[1 - k]);
      REQUIRE(opening);
      CHECK(opening->type == test::number(o.at("type")));
      CHECK(opening->value == test::hex_bytes(o.at("value")));
      CHECK(opening->salt == test::hex_hash(o.at("salt")));
      for (unsigned i = 0; i < 5; ++i) CHECK(opening->siblings[i] == test::hex_hash(o.at("siblings").at(i)));
      CHECK(verify_slot(*opening, body));
    }
  }
}

TEST_CASE("values out of order, twice, of the other class, with the decoys' type or too long are refused") {
  const Hash key = filled(1);
  const auto accepts = [&](SlotClass slot_class, const Values& values) {
    return class_root(slot_class, key, values).has_value();
  };
  const auto a = SlotClass::kAccountability;
  const auto p = SlotClass::kPersonal;
  CHECK(accepts(a, {{0, 1, {}}, {3, 1, {}}, {15, 1, {}}}));
  CHECK(accepts(p, {{16, 1, {}}, {31, 1, {}}}));
  CHECK_FALSE(accepts(a, {{3, 1, {}}, {0, 1, {}}}));
  CHECK_FALSE(accepts(a, {{3, 1, {}}, {3, 1, {}}}));
  CHECK_FALSE(accepts(a, {{16, 1, {}}}));
  CHECK_FALSE(accepts(p, {{15, 1, {}}}));
  CHECK_FALSE(accepts(p, {{32, 1, {}}}));
  CHECK_FALSE(accepts(p, {{255, 1, {}}}));
  CHECK_FALSE(accepts(a, {{0, kDecoyType, {}}}));
  CHECK(accepts(a, {{0, 1, Bytes(kSlotValueBytesMax)}}));
  CHECK_FALSE(accepts(a, {{0, 1, Bytes(kSlotValueBytesMax + 1)}}));
}

TEST_CASE("a changed value, type, slot, salt, sibling or key leads to another root") {
  const Hash key = filled(7);
  const Values values = {{2, 5, {1, 2, 3}}, {9, 6, {4}}};
  const Hash other = filled(9);
  const Hash a = *class_root(SlotClass::kAccountability, key, values);
  const Hash root = body_root(a, other);
  const SlotOpening good = *open_slot(2, key, values, other);
  REQUIRE(verify_slot(good, root));

  const auto refused = [&](auto change) {
    SlotOpening bad = good;
    change(bad);
    return !verify_slot(bad, root).has_value();
  };
  CHECK(refused([](auto& o) { o.value[0] ^= 1; }));
  CHECK(refused([](auto& o) { o.value.push_back(0); }));
  CHECK(refused([](auto& o) { o.value.clear(); }));
  CHECK(refused([](auto& o) { o.type = 6; }));
  CHECK(refused([](auto& o) { o.slot = 3; }));
  CHECK(refused([](auto& o) { o.slot = 18; }));
  CHECK(refused([](auto& o) { o.slot = 34; }));
  CHECK(refused([](auto& o) { o.salt[31] ^= 1; }));
  CHECK(refused([](auto& o) { o.value.resize(kSlotValueBytesMax + 1); }));
  for (std::size_t i = 0; i < 5; ++i) CHECK(refused([&](auto& o) { o.siblings[i][0] ^= 1; }));
  CHECK_FALSE(verify_slot(good, filled(0)));
  CHECK(*class_root(SlotClass::kAccountability, filled(8), values) != a);
}

TEST_CASE("a filled slot cannot be shown as a decoy, nor a decoy as filled") {
  const Hash key = filled(7);
  const Values values = {{2, 5, {}}};
  const Hash other = filled(9);
  const Hash root = body_root(*class_root(SlotClass::kAccountability, key, values), other);
  SlotOpening opening = *open_slot(2, key, values, other);
  opening.type = kDecoyType;
  CHECK_FALSE(verify_slot(opening, root));
  opening = *open_slot(3, key, values, other);
  CHECK(opening.type == kDecoyType);
  CHECK(verify_slot(opening, root));
  opening.type = 5;
  CHECK_FALSE(verify_slot(opening, root));
  opening.type = kDecoyType;
  opening.value = {1};
  CHECK_FALSE(verify_slot(opening, root));
}

}  // namespace
}  // namespace tocsin::protocol

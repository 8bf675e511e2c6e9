# Seeds that found a defect once, each with what it found; the product's own tests for it lie beside their subject.
set(kept
  "clocks 593"      # clocks set alike at two neighbours: tombstones were purged at once (decision 0171)
  "clocks 944"      # the same over a restart
  "clocks 967"      # joined on the way up: `sync --wait` said that it was there
  "clocks 1537"     # the same
  "everything 88"   # a joined state that only a disk that went back had
  "everything 395"  # routers that a device has left keep what was refused (decision 0175)
  "everything 415"  # a join with the version of what it was made of, waited for
  "everything 561"  # a joined item made anew when all had forgotten its delete
  "everything 1050" # of a joined state, refused with its transaction, the server knew the newest version
  "everything 1401" # a device moved with what its former parent had not given to the server: it was removed (decision 0177)
  "rewinds 1699"    # a device went back before what its feed had passed over (decision 0177)
  "rewinds 2196"    # the server named a watermark of a lost life, at the position that was delivered
  "rewinds 2802"    # as 1699: the item was removed at the device
  "rewinds 705"     # a device went back while nobody held a watermark of it (decision 0176)
  "rewinds 1133"    # the server and its child went back, and nobody knows
  "rewinds 1291"    # a router went back behind what it had given by a comparison (decision 0176)
  "clones 7"        # the original started anew while its copy was taken: it was refused (decision 0154)
  "clones 106"      # what a copy wrote while nobody knew was replaced by its original, and in no journal
  "together 193"    # a delete that was made while the model went nowhere was forgotten (decision 0155)
  "together 216"    # the same
  "together 523"    # a tombstone that an operator had given up was purged at a router
  "policies 194"    # a router had evicted what its device, which was away, had delivered
  "policies 443"    # rest was found before the last change of policy
  "policies 1147"   # a late hello brought back a session that its child knew nothing of (decision 0172)
  "policies 2274"   # a full disk takes two writes in another order
  "policies 5601"   # a half-open session is replaced at rest
  "verify 1092"     # comparisons that nobody waits for hid a feed that stood still
  "rewinds 923"     # what only a router still had of a restored server was taken to be on its way up
  "restores 40"     # a restored device ran a command again that came anew (decision 0173)
  "restores 163"    # an answer that was given back never went up again
  "together 405"    # an ack that was overtaken listed what had ended
  "strict 311"      # what took the place of what was waited for was dropped by hand
  "strict 381"      # the same, at its writer
  "strict 404"      # a drop was told of a refusal that its writer never heard of
  "strict 552"      # a refusal and its end by hand in one ack, where an older state was listed
  "strict 535"      # an end and a drop in one ack: it was sent again, and stopped on its way
  "everything 298"  # what a router had from above by a comparison was refused above, and its writer was not told
  "everything 1747" # a refusal ended before its writer heard of it (decision 0178)
  "together 151"    # a drop was told by a router that died meanwhile as an end (decision 0179)
  "together 289"    # a retry where the state was lost took the entry off the list
  "together 453"    # dropped on one of the two ways by which it came (decision 0179)
  "together 578"    # dropped, and tried again at a router that its writer had left
  "tight 430"       # dropped once more at the hop, which the one who waited had not heard yet
  "seasons 347"     # an old delete of a model that goes down now was told to nobody (decision 0213)
  "seasons 618"     # a delete above was given to its writer as the state of another (decision 0153)
  "seasons 640"     # a delete from above was kept for ever as if it had to be told there (decision 0155)
  "seasons 740"     # a delete that had been compared came once more, when it was purged, by the next session's feed
  "expiry 683")     # two states of an item, both expired: neither is compared
foreach(seed ${kept})
  string(REPLACE " " ";" words "${seed}")
  list(GET words 0 profile)
  list(GET words 1 number)
  execute_process(COMMAND ${SIM} --profile ${profile} --seed ${number} OUTPUT_VARIABLE output RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${output}")
  endif()
endforeach()
